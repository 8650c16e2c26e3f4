"""Virtual time, a check each 200 ms."""

from relay.api import Alarm
from relay.watching.watch import MediaWatch

MS = 1_000_000
Change = tuple[int, Alarm | None, Alarm | None]


class Line:
    """`changes`: (second, ended, begun)."""

    def __init__(self) -> None:
        self.watch = MediaWatch()
        self.now = 0
        self.changes: list[Change] = []

    def run(
        self,
        seconds: float,
        packets: bool = True,
        sound: bool = True,
        expecting: bool = True,
        heard: bool | None = None,
        resting: bool = False,
    ) -> "Line":
        for number in range(round(seconds * 50)):
            self.now += 20 * MS
            if packets:
                self.watch.packet(self.now, resting)
            if packets and sound:
                self.watch.sound(self.now)
            if number % 10 == 0:
                ended, begun = self.watch.check(self.now, expecting, heard)
                if (ended, begun) != (None, None):
                    self.changes.append((self.now // 1_000_000_000, ended, begun))
        return self


def test_a_good_line_has_no_alarm() -> None:
    assert Line().run(120).run(120, heard=True).changes == []


def test_nothing_from_the_beginning_and_then_something() -> None:
    line = Line().run(20, packets=False).run(5)
    assert line.changes == [(5, None, "no_media"), (20, "no_media", None)]


def test_who_hears_us_and_is_not_heard_is_a_one_way_call() -> None:
    line = Line().run(10, heard=True).run(10, packets=False, heard=True).run(10, heard=True)
    assert line.changes == [(15, None, "one_way"), (20, "one_way", None)]


def test_who_is_heard_and_does_not_hear_us_is_one_too() -> None:
    line = Line().run(10).run(5, heard=False).run(5, heard=True)
    assert line.changes == [(10, None, "one_way"), (15, "one_way", None)]


def test_packets_without_a_sound() -> None:
    line = Line().run(10).run(40, sound=False).run(5)
    assert line.changes == [(40, None, "silence"), (50, "silence", None)]


def test_pauses_of_a_conversation_are_no_silence() -> None:
    line = Line()
    for _ in range(10):
        line.run(2).run(25, sound=False)
    assert line.changes == []


def test_a_peer_on_hold_owes_nothing_and_has_time_when_it_comes_back() -> None:
    line = Line().run(10).run(60, packets=False, expecting=False).run(4, packets=False).run(10)
    assert line.changes == []


def test_after_comfort_noise_a_peer_may_be_silent_for_longer() -> None:
    line = Line().run(1).run(1, sound=False, resting=True).run(20, packets=False).run(1)
    assert line.changes == []
    assert Line().run(1, resting=True).run(40, packets=False).changes == [(31, None, "no_media")]


def test_a_peer_that_said_goodbye_is_not_missed_until_it_is_back() -> None:
    line = Line().run(5)
    line.watch.goodbye()
    line.run(60, packets=False)
    assert line.changes == []
    line.run(1).run(10, packets=False)
    assert [change[1:] for change in line.changes] == [(None, "no_media")]


def test_a_graver_alarm_takes_the_place_of_another() -> None:
    line = Line().run(40, sound=False).run(10, packets=False)
    assert [change[1:] for change in line.changes] == [(None, "silence"), ("silence", "no_media")]
