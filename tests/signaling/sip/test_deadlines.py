from signaling.sip.deadlines import Deadlines


class Owner:
    def __init__(self) -> None:
        self.fired: list[tuple[str, float]] = []

    def handle_timer(self, name: str, now: float) -> None:
        self.fired.append((name, now))


def test_fires_in_order_and_once() -> None:
    deadlines, owner = Deadlines(), Owner()
    deadlines.set(owner, "b", 2.0)
    deadlines.set(owner, "a", 1.0)
    deadlines.set(owner, "c", 9.0)
    assert deadlines.next() == 1.0
    deadlines.fire(3.0)
    assert owner.fired == [("a", 3.0), ("b", 3.0)]
    assert (deadlines.next(), len(deadlines)) == (9.0, 1)


def test_set_again_moves_and_cancel_removes() -> None:
    deadlines, owner = Deadlines(), Owner()
    deadlines.set(owner, "a", 1.0)
    deadlines.set(owner, "a", 5.0)
    deadlines.set(owner, "b", 2.0)
    deadlines.cancel(owner, "b")
    deadlines.fire(4.0)
    assert owner.fired == []
    assert deadlines.next() == 5.0
    deadlines.cancel(owner, "a")
    assert deadlines.next() is None


def test_long_timers_that_were_cancelled_take_no_room() -> None:
    deadlines = Deadlines()
    for number in range(10_000):
        owner = Owner()
        deadlines.set(owner, "lapse", 1e6 + number)
        if number % 100:
            deadlines.cancel(owner, "lapse")
    assert len(deadlines) == 100
    assert len(deadlines._heap) < 1000
    assert deadlines.next() == 1e6
