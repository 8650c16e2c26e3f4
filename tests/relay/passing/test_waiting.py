"""Jitter buffers in columns: what goes in comes out, and what is not regular is told before it is played."""

import numpy as np

from relay.codecs import g711
from relay.codecs.conceal import crossfade
from relay.mixing.rows import QUIET_PEAK, SILENT_PEAK
from relay.passing.pace import Pace, PaceStart
from relay.passing.rest import CALM_TURNS, CYCLE
from relay.passing.waiting import FRAME, PAST, SLOTS, Coded, Frames, Peaks, Queue, Turns, Waiting
from relay.playout.delay import DelaySpread
from relay.playout.jitter import Lent
from tests.relay.calls import MS

OCTETS = {int(level): octet for octet, level in enumerate(g711.decode("PCMU", np.arange(256, dtype=np.uint8)))}
LOUD, QUIET, SILENT = (np.full(4, peak, np.int32) for peak in (QUIET_PEAK, QUIET_PEAK - 1, SILENT_PEAK))


def payload(number: int) -> bytes:
    return bytes([number & 0xFF]) * FRAME


class Buffer:
    """One row, whose packets come when they are sent. A packet's number is its second octet of time, too."""

    def __init__(self, *numbers: int, law: str = "PCMU") -> None:
        self.waiting, self.pace, self.next = Waiting(), Pace(), numbers[-1] + 1
        self.waiting.grow(1)
        self.pace.grow(1)
        spread = DelaySpread(8000)
        spread.add(0, 0)
        self.pace.begin(0, PaceStart(8000, 0, 0.0, (0.0, 0.0), spread), 0)
        queue = Queue("PCMA" if law == "PCMA" else "PCMU", 3, 8000, Lent(numbers[0], [payload(n) for n in numbers], 0))
        self.waiting.begin(0, queue)

    def put(self) -> None:
        row = np.array([0])
        payload = np.full((1, FRAME), self.next & 0xFF, np.uint8)
        self.waiting.put(row, np.array([self.next]), (payload, np.array([FRAME])))
        self.next += 1

    def judge(self, now_ms: float, peaks: Peaks = LOUD) -> Turns:
        following = np.array([[self.next, self.next * FRAME]])
        return self.waiting.judge(round(now_ms * MS), following, self.pace, peaks)

    def played(self, now_ms: float) -> list[int]:
        turns = self.judge(now_ms)
        assert not turns.odd and not turns.shortened
        return [OCTETS[int(frame[0])] for frame in turns.frames.samples]

    def end(self) -> Queue:
        return self.waiting.end(0, self.next)


def outcome(turns: Turns) -> str:
    found = {"plays": len(turns.frames.sources), "shortened": len(turns.shortened), "odd": len(turns.odd)}
    return next((name for name, count in found.items() if count), "rests")


def test_what_waits_is_played_in_order() -> None:
    buffer = Buffer(250, 251)
    for number in range(250, 300):
        assert buffer.played(number * 20 + 5) == [number & 0xFF]
        buffer.put()
    queue = buffer.end()
    assert (queue.law, queue.source, queue.lent.first) == ("PCMU", 3, 300)
    assert queue.lent.payloads == [payload(300), payload(301)]
    assert queue.past == [payload(number) for number in range(300 - PAST, 300)] and queue.undecoded == []
    assert len(buffer.waiting) == 0


def test_who_is_silent_and_still_is_gives_no_frame_but_his_turn_goes_by() -> None:
    for octet, before, frames in ((0xFF, SILENT, 0), (0xFF, QUIET, 1), (0xFF, LOUD, 1), (0x80, SILENT, 1)):
        buffer = Buffer(octet, octet + 1)
        turns = buffer.judge(octet * 20 + 5, before)
        assert len(turns.frames.sources) == len(turns.frames.samples) == frames
        queue = buffer.end()
        assert (queue.lent.first, queue.past, queue.paused) == (octet + 1, [payload(octet)], False)


def test_what_was_not_played_is_not_past() -> None:
    buffer = Buffer(7, 8, law="PCMA")
    turns = buffer.judge(145)
    assert turns.frames.sources.tolist() == [3]
    assert (turns.frames.samples == g711.decode_bytes("PCMA", payload(7))).all()
    queue = buffer.end()
    assert (queue.law, queue.past, queue.lent.payloads) == ("PCMA", [payload(7)], [payload(8)])
    assert not queue.paused


def test_packets_of_opus_keep_their_sizes() -> None:
    waiting = Waiting()
    waiting.grow(2)
    waiting.begin(1, Queue(None, 9, 48_000, Lent(5, [b"one", b"three"], 0)))
    waiting.put(np.array([1]), np.array([7]), (np.full((1, FRAME), 65, np.uint8), np.array([4])))
    rows = np.array([1])
    for expected in (b"one", b"three"):
        coded = waiting.decode(rows, waiting.wake(rows, np.zeros(10, np.bool_)))
        assert [(each.source, each.payload) for each in coded] == [(9, expected)]
    queue = waiting.end(1, 8)
    assert (queue.law, queue.clock, queue.lent.payloads) == (None, 48_000, [b"AAAA"])


def decoded(waiting: Waiting, number: int, word: bytes, silent: bool = True) -> list[Coded]:
    """What is to be decoded in the turn of a packet that comes."""
    octets = np.frombuffer((word + b"dirt" * FRAME)[:FRAME], np.uint8)[None].copy()
    waiting.put(np.array([0]), np.array([number]), (octets, np.array([len(word)])))
    return waiting.decode(np.array([0]), waiting.wake(np.array([0]), np.array([silent])))


def opus_row() -> Waiting:
    waiting = Waiting()
    waiting.grow(1)
    waiting.begin(0, Queue(None, 0, 48_000, Lent(0, [], 0)))
    return waiting


def test_silence_that_repeats_itself_is_not_decoded_after_a_while() -> None:
    waiting, cycle = opus_row(), (b"a", b"abc", b"b", b"bd")
    for number in range(CALM_TURNS - 1):
        assert [each.payload for each in decoded(waiting, number, cycle[number % CYCLE])] == [cycle[number % CYCLE]]
    for number in range(CALM_TURNS - 1, 100):
        assert decoded(waiting, number, cycle[number % CYCLE]) == []
    (word,) = decoded(waiting, 100, b"speech", silent=True)
    assert (word.payload, word.undecoded) == (b"speech", list(cycle))
    (word,) = decoded(waiting, 101, b"a", silent=False)
    assert (word.payload, word.undecoded) == (b"a", [])
    assert waiting.end(0, 102).undecoded == []


def test_what_rests_is_told_at_the_end() -> None:
    waiting = opus_row()
    for number in range(CALM_TURNS - 1):
        assert len(decoded(waiting, number, b"hush")) == 1
    for number in range(CALM_TURNS - 1, CALM_TURNS + 2):
        assert decoded(waiting, number, b"hush") == []
    queue = waiting.end(0, CALM_TURNS + 2)
    assert (len(queue.past), len(queue.undecoded)) == (PAST, 3)


def test_what_repeats_itself_and_sounds_is_decoded() -> None:
    waiting = opus_row()
    for number in range(200):
        assert len(decoded(waiting, number, b"tone", silent=number % CALM_TURNS != 0)) == 1


def test_what_is_not_regular_is_given_back() -> None:
    assert outcome(Buffer(5).judge(100)) == "plays"
    empty = Buffer(5)
    empty.played(105)
    assert outcome(empty.judge(125)) == "odd"
    full = Buffer(*range(5, 5 + SLOTS - PAST))
    assert outcome(full.judge(105)) == "odd"
    assert outcome(Buffer(5).judge(100 + 250)) == "odd"


def test_a_quiet_one_rests_until_it_has_the_lag_that_is_wanted() -> None:
    buffer = Buffer(5, 6)
    buffer.played(102)
    assert outcome(buffer.judge(121, QUIET)) == "rests"
    assert outcome(buffer.judge(123, QUIET)) == "plays"
    queue = buffer.end()
    assert queue.paused and queue.past == [payload(6)]


def test_of_too_much_lag_a_packet_is_left_out_after_a_while_and_sooner_in_quiet() -> None:
    for quiet, turns in ((LOUD, 15), (QUIET, 2)):
        buffer = Buffer(5, 6, 7)
        for turn in range(turns):
            assert outcome(buffer.judge(20 * (5 + turn) + 45, quiet)) == ("plays" if turn < turns - 1 else "shortened")
            buffer.put()
        number = 5 + turns - 1
        joined = crossfade(*(g711.decode_bytes("PCMU", payload(each)) for each in (number, number + 1)))
        frames = buffer.waiting.shorten(0, np.zeros(4, np.bool_))
        assert isinstance(frames, Frames)
        assert frames.sources.tolist() == [3] and (frames.samples == joined).all()
        queue = buffer.end()
        before = [payload(each) for each in range(number - PAST + 1, number)][-turns + 1 :]
        assert queue.lent.first == number + 2 and queue.past[:-1] == before
        assert (np.asarray(queue.past[-1]) == joined).all()


def test_what_was_shortened_is_no_past_after_a_rest() -> None:
    buffer = Buffer(*range(5, 11))
    for turn in range(2):
        turns = buffer.judge(20 * (5 + turn) + 45, QUIET)
    assert outcome(turns) == "shortened"
    buffer.waiting.shorten(0, np.zeros(4, np.bool_))
    assert outcome(buffer.judge(161, QUIET)) == "rests"
    assert buffer.end().past == []


def test_of_opus_what_is_left_out_is_told_beside_what_follows_it() -> None:
    waiting, silent = opus_row(), np.array([False])
    for number in range(3):
        octets = np.full((1, FRAME), number, np.uint8)
        waiting.put(np.array([0]), np.array([number]), (octets, np.array([number + 1])))
    shorter = waiting.shorten(0, silent)
    assert isinstance(shorter, Coded)
    assert (shorter.payload, shorter.skipped, shorter.undecoded) == (b"\1\1", b"\0", [])
    assert waiting.head(np.array([0])).tolist() == [2]


def test_silence_that_repeats_itself_is_shortened_without_being_decoded() -> None:
    waiting, silent = opus_row(), np.array([True])
    for number in range(CALM_TURNS + 3):
        decoded(waiting, number, b"hush")
    first = CALM_TURNS + 3
    for number, said in enumerate((b"hush", b"hush", b"word"), first):
        octets = np.frombuffer(said.ljust(FRAME), np.uint8)[None].copy()
        waiting.put(np.array([0]), np.array([number]), (octets, np.array([4])))
    assert waiting.shorten(0, silent) is None
    (word,) = waiting.decode(np.array([0]), waiting.wake(np.array([0]), silent))
    assert (word.payload, word.undecoded) == (b"word", [b"hush"] * CYCLE)
