import random

from ipc.frames import FrameReader
from recorder.wire import BATCH, Codec, Kind, Record, unpack
from relay import formats
from relay.api import Tap
from relay.offers import audio
from relay.streams.rtp import RtpPacket
from relay.tapping.outbox import HOLD_NS, Outbox
from relay.tapping.tap import CLOCK_NS, TapBook

FIRST, SECOND = "11" * 16, "22" * 16
MS = 1_000_000
OPUS = formats.Codec("opus", 48000, 2)


def packet(sequence: int = 1) -> RtpPacket:
    return RtpPacket(0, False, 5, sequence, sequence * 160, b"sound")


class Told:
    """A book, and in short what it told."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.book = TapBook(self.records.append)

    def take(self) -> list[tuple[Kind, int, int]]:
        taken = [(record.kind, record.party, record.clock) for record in self.records]
        self.records.clear()
        return taken


def test_successive_rooms_begin_pause_resume_and_end() -> None:
    told = Told()
    told.book.set_room("r", [Tap("a", FIRST, 0), Tap("b", FIRST, 1, live=False)], 1)
    assert told.take() == [(Kind.BEGIN, 0, 1), (Kind.BEGIN, 1, 1), (Kind.PAUSE, 1, 1)]
    told.book.set_room("r", [Tap("a", FIRST, 0), Tap("b", FIRST, 1, live=False)], 2)
    assert told.take() == []
    told.book.set_room("r", [Tap("a", FIRST, 0, live=False), Tap("b", FIRST, 1)], 3)
    assert told.take() == [(Kind.PAUSE, 0, 3), (Kind.RESUME, 1, 3)]
    told.book.set_room("r", [Tap("b", FIRST, 1)], 4)
    assert told.take() == [(Kind.END, 0, 4)]


def test_a_room_leaves_another_rooms_taps_alone() -> None:
    told = Told()
    told.book.set_room("r", [Tap("a", FIRST, 0)], 1)
    told.book.set_room("s", [Tap("b", SECOND, 0)], 2)
    told.book.set_room("s", [], 3)
    assert told.take() == [(Kind.BEGIN, 0, 1), (Kind.BEGIN, 0, 2), (Kind.END, 0, 3)]


def test_a_dropped_leg_ends_its_taps_once() -> None:
    told = Told()
    told.book.set_room("r", [Tap("a", FIRST, 0), Tap("a", SECOND, 4), Tap("b", FIRST, 1)], 1)
    told.take()
    told.book.drop_leg("a", 2)
    told.book.drop_leg("a", 3)
    told.book.set_room("r", [Tap("b", FIRST, 1)], 4)
    assert told.take() == [(Kind.END, 0, 2), (Kind.END, 4, 2)]


def test_packets_go_to_every_live_tap_of_the_leg_and_to_no_other() -> None:
    told = Told()
    told.book.set_room("r", [Tap("a", FIRST, 0), Tap("a", SECOND, 4), Tap("a", SECOND, 5, live=False)], 1)
    told.take()
    told.book.packet("a", packet(), OPUS, 7)
    told.book.packet("b", packet(), OPUS, 7)
    assert [(r.recording.hex(), r.party, r.codec, r.ssrc) for r in told.records] == [
        (FIRST, 0, Codec.OPUS, 5),
        (SECOND, 4, Codec.OPUS, 5),
    ]


def test_every_codec_of_sound_has_a_name_at_the_recorder() -> None:
    told = Told()
    told.book.set_room("room", [Tap("a", FIRST, 0)], 1)
    known = set(audio.KNOWN.values())
    for codec in known:
        told.book.packet("a", packet(), codec, 7)
    tapped = [record.codec for record in told.records if record.kind is Kind.PACKET]
    assert set(tapped) == set(Codec)
    assert tapped.count(Codec.NONE) == sum(codec.name == "telephone-event" for codec in known)


def test_every_open_tap_is_told_the_clock_ten_times_a_second() -> None:
    told = Told()
    told.book.set_room("r", [Tap("a", FIRST, 0, live=False)], 0)
    told.take()
    for tick in range(1, 51):
        told.book.tick(tick * 20 * MS)
    assert len(told.take()) == 10


def records_in(parts: list[bytes]) -> list[Record]:
    (payload,) = FrameReader().feed(b"".join(parts))
    return list(unpack(payload, BATCH.size))


def sound(clock: int, party: int = 0) -> Record:
    return Record(bytes(16), Kind.PACKET, party, clock, Codec.PCMU, payload=b"x" * 160)


def test_batches_are_numbered_and_kept_until_acknowledged() -> None:
    outbox = Outbox()
    assert outbox.close_batch(0) == []
    frames = []
    for number in range(5):
        outbox.add(sound(number))
        frames.append(b"".join(outbox.close_batch(number)))
    assert list(outbox.unacknowledged()) == frames
    outbox.acknowledge(3)
    assert list(outbox.unacknowledged()) == frames[3:]
    outbox.acknowledge(2)
    outbox.acknowledge(99)
    assert outbox.is_empty


def test_a_full_outbox_drops_sound_counts_it_and_marks_the_gap() -> None:
    outbox = Outbox()
    outbox.add(sound(0))
    outbox.close_batch(0)
    late = HOLD_NS + 20 * MS
    for number in range(50):
        outbox.add(sound(late + number))
        outbox.add(Record(bytes(16), Kind.CLOCK, 0, late + number))
    assert outbox.close_batch(late) == []
    assert outbox.dropped == 50
    outbox.add(Record(bytes(16), Kind.END, 0, late + 100))
    batch = outbox.close_batch(late + 100)
    gap, end = records_in(batch)
    assert (gap.kind, gap.sequence, gap.timestamp, gap.clock) == (Kind.GAP, 50, late, late + 100)
    assert end.kind is Kind.END


def test_sound_goes_on_after_the_gap() -> None:
    outbox = Outbox()
    outbox.add(sound(0))
    outbox.close_batch(0)
    late = HOLD_NS + 20 * MS
    outbox.add(sound(late))
    outbox.acknowledge(1)
    outbox.add(sound(late + 1))
    outbox.add(sound(late + 2, party=1))
    batch = outbox.close_batch(late + 2)
    assert [(record.kind, record.party) for record in records_in(batch)] == [
        (Kind.GAP, 0),
        (Kind.PACKET, 0),
        (Kind.PACKET, 1),
    ]


def test_whatever_the_recorder_does_every_packet_is_told_or_counted() -> None:
    chance = random.Random(7)
    outbox, told, acknowledged, silent_until = Outbox(), dict[int, list[bytes]](), 0, 0
    for tick in range(6000):
        clock = tick * 20 * MS
        outbox.add(sound(clock))
        if parts := outbox.close_batch(clock):
            told[len(told) + 1] = parts
        if chance.random() < 0.001:
            silent_until = clock + chance.randrange(20) * 1_000 * MS
        if clock >= silent_until:
            acknowledged = len(told)
            outbox.acknowledge(acknowledged)
    records = [record for data in told.values() for record in records_in(data)]
    packets = sum(record.kind is Kind.PACKET for record in records)
    gaps = sum(record.sequence for record in records if record.kind is Kind.GAP)
    assert outbox.dropped > 0
    assert packets + outbox.dropped == 6000
    assert gaps <= outbox.dropped
    assert CLOCK_NS == 100 * MS
