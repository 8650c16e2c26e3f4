"""The two kinds of steps leave the same tables behind, whatever comes."""

import random
from collections.abc import Iterator

import numpy as np
import pytest

from recorder.wire import Codec, Kind, Record, pack, packet_address
from relay.codecs import opus
from relay.codecs.g711 import Law
from relay.lines.batch import RTCP, RTP, Batch, Column
from relay.lines.native import NativeLines
from relay.lines.plain import PlainLines
from relay.lines.table import MAX_DATAGRAM, Lines
from relay.mixing.rows import QUIET_PEAK, SILENT_PEAK
from relay.passing.native_steps import NativeSteps
from relay.passing.pace import PaceStart
from relay.passing.steps import NumpySteps, Steps, make_steps
from relay.passing.table import KEPT, Looks, RunTable, Start
from relay.passing.waiting import FRAME, Coded, Peaks, Queue
from relay.playout.delay import DelaySpread
from relay.playout.jitter import Lent
from relay.playout.voice import OpusVoice
from relay.streams.malformed import OpusError
from relay.streams.rtp import RtpPacket, header, serialize
from relay.transport.udp import bind
from tests.relay.calls import MS
from tests.support.tones import tone

ROWS, SSRC, OUT_LINE = 6, 7, 3
OPUS_ROW, OPUS_RATE = 1, 16_000
HUSH = 0x55
"""Silence in A-law."""
HEAD = 0x80 << 24


class Side:
    """A table with a run of each kind, packets for which may be put into a batch."""

    def __init__(self, lines: Lines) -> None:
        self.lines, self.table = lines, RunTable()
        self.batch: Batch = lines._batch  # type: ignore[attr-defined]
        self.steps: Steps = make_steps(self.table, lines)
        for row in range(ROWS):
            spread = DelaySpread(8000)
            spread.add(0, 0)
            to = KEPT if row % 2 else OUT_LINE
            size = 12 + FRAME
            looks = Looks(HEAD, SSRC, size - 4 * (row == 1), size, 0xFF00 * (row == 1), 0, 1 << 60, to, HEAD, 9, FRAME)
            pace = PaceStart(8000, 0, 0.0, (0.0, 0.0), spread)
            self.table.begin(row, Start(looks, (1, FRAME, 65_535, (1 << 32) - 1), 0, 50 * MS * row, pace))
            if to == KEPT:
                law: Law | None = None if row == OPUS_ROW else "PCMA" if row == 3 else "PCMU"
                self.decoder = opus.Decoder(OPUS_RATE)
                decoder = self.decoder if row == OPUS_ROW else None
                self.table.waiting.begin(row, Queue(law, row, 8000, Lent(1, [], 0), decoder=decoder))

    def take(self, packets: list[tuple[int, int, int, bytes]]) -> tuple[list[int], list[list[int]]]:
        """Lines, kinds, arrivals and octets."""
        for place, (line, kind, arrival_ns, data) in enumerate(packets):
            self.batch.put(place, (line, kind, arrival_ns), data)
        self.batch.fill(len(packets))
        taken = self.steps.take(self.batch)
        return list(taken.left), [list(shown) for shown in taken.shown]

    def decode(self, rows: Column, peaks: Peaks) -> dict[int, list[int]]:
        """What each source is heard to say; nothing: its packet is bad."""
        frames, coded = self.steps.decode(rows, peaks)
        heard = {
            source: [] if source in each.bad else sound
            for each in frames
            for source, sound in zip(each.sources.tolist(), each.samples.tolist(), strict=True)
        }
        return heard | {each.source: self._sound(each) for each in coded}

    def columns(self) -> list[np.ndarray]:
        waiting = self.table.waiting.columns[:-2]  # without decoders, which each side has of its own
        return [self.table.fixed, self.table.state, *self.table.pace.columns, *waiting]

    def _sound(self, coded: Coded) -> list[int]:
        voice = OpusVoice(OPUS_RATE)
        voice.decoder = self.decoder
        voice.catch_up(coded.undecoded)
        try:
            sound: list[int] = self.decoder.decode(coded.payload).tolist()
        except OpusError:
            return []
        return sound


@pytest.fixture
def sides() -> Iterator[tuple[Side, Side]]:
    lines = PlainLines(), NativeLines()
    both = Side(lines[0]), Side(lines[1])
    assert isinstance(both[0].steps, NumpySteps) and isinstance(both[1].steps, NativeSteps)
    yield both
    for each in lines:
        each.shut()


def assert_same(sides: tuple[Side, Side]) -> None:
    for one, other in zip(*(side.columns() for side in sides), strict=True):
        # Almost always they are equal to the bit, which takes a tenth as long to find out.
        assert one.shape == other.shape
        assert (one == other).all() or np.allclose(one, other, rtol=0, atol=1e-9)


def packet(number: int, size: int = FRAME, ssrc: int = SSRC, timestamp: int | None = None) -> bytes:
    payload = bytes([HUSH if number % 10 > 6 else number & 0xFF]) * size
    return serialize(RtpPacket(0, False, ssrc, number, number * FRAME if timestamp is None else timestamp, payload))


@pytest.mark.parametrize("seed", range(3))
def test_both_leave_the_same_behind(sides: tuple[Side, Side], seed: int) -> None:
    chance, played = random.Random(seed), 0
    for turn in range(1, 120):
        now = turn * 20 * MS + (600 * MS if seed == 2 and turn > 60 else 0)
        packets = []
        for row in chance.sample(range(ROWS), chance.randint(1, ROWS)):
            expected = int(sides[0].table.state[row, 0])
            number = expected + chance.choice([0] * 40 + [1, -1])
            data = packet(
                number, chance.choice([FRAME] * 30 + [FRAME - 2, FRAME + 1, 0]), chance.choice([SSRC] * 40 + [8])
            )
            arrival = now + round(chance.uniform(0, 15) * MS)
            packets.append((row, chance.choice([RTP] * 40 + [RTCP]), arrival, data))
        assert sides[0].take(packets) == sides[1].take(packets)
        peaks = np.array(chance.choices([0, SILENT_PEAK, QUIET_PEAK - 1, QUIET_PEAK], k=ROWS), np.int32)
        one, other = (side.steps.judge(now + 20 * MS, peaks) for side in sides)
        played += len(one.frames.sources)
        assert (one.odd, one.shortened, one.coded.tolist()) == (other.odd, other.shortened, other.coded.tolist())
        assert one.frames.sources.tolist() == other.frames.sources.tolist()
        assert (one.frames.samples == other.frames.samples).all()
        for side in sides:
            side.decode(one.coded, peaks)
            for row in one.shortened:
                side.table.waiting.shorten(row, peaks <= SILENT_PEAK)
        assert_same(sides)
    taken = int(sides[0].table.waiting.head(np.array([3, 5])).sum())
    assert sides[0].table.pace.columns[0].sum() > 100 and 10 < played < taken


@pytest.mark.parametrize("seed", range(3))
def test_both_let_the_same_rest(sides: tuple[Side, Side], seed: int) -> None:
    """A row of Opus that is silent for long, in a cycle of packets with a word, or something bad, now and then."""
    chance, rested, bad, words = random.Random(seed), 0, 0, 0
    hush, word = (_packets(sound) for sound in (np.zeros(OPUS_RATE, np.int16), tone(440, 1.0, OPUS_RATE)))
    for number in range(1, 600):
        odd = chance.random() < 0.03
        said = chance.choice([chance.choice(word[20:]), NOT_OPUS]) if odd else hush[20 + number % 3]
        peaks = np.full(ROWS, 0 if chance.random() > 0.005 else QUIET_PEAK, np.int32)
        told = []
        for side in sides:
            put(side, number, said)
            told.append(side.decode(np.array([OPUS_ROW]), peaks))
        assert told[0] == told[1]
        rested += not told[0]
        bad += told[0].get(OPUS_ROW) == []
        words += any(abs(sample) > 1000 for sample in told[0].get(OPUS_ROW, []))
        assert_same(sides)
    assert rested > 100 and bad > 0 and words > 3


def test_only_rows_of_that_rate_are_decoded_to_it(sides: tuple[Side, Side]) -> None:
    side, narrow = sides[1], opus.Decoder(8000)
    side.table.waiting.begin(3, Queue(None, 4, 48_000, Lent(1, [], 0), decoder=narrow))
    (packet, *_) = _packets(tone(440, 1.0, OPUS_RATE))
    for row in (1, 3):
        put(side, 1, packet, row)
    frames, coded = side.steps.decode(np.array([1, 3]), np.full(ROWS, QUIET_PEAK, np.int32))
    assert [(each.rate, each.sources.tolist(), each.samples.shape, list(each.bad)) for each in frames] == [
        (8000, [4], (1, 160), []),
        (OPUS_RATE, [OPUS_ROW], (1, OPUS_RATE // 50), []),
    ]
    assert (frames[0].samples[0] == opus.Decoder(8000).decode(packet)).all() and coded == []


NOT_OPUS = b"\x4b\xff\xff\xff"
"""A packet of too many frames."""


def put(side: Side, number: int, payload: bytes, row: int = 1) -> None:
    octets = np.frombuffer(payload.ljust(FRAME, b"\0"), np.uint8)[None].copy()
    side.table.waiting.put(np.array([row]), np.array([number]), (octets, np.array([len(payload)])))


def _packets(sound: np.ndarray) -> list[bytes]:
    encoder = opus.Encoder(OPUS_RATE, 24_000)
    return [encoder.encode(frame) for frame in sound.reshape(-1, OPUS_RATE // 50)]


def test_who_sends_nothing_any_more_is_late(sides: tuple[Side, Side]) -> None:
    for side in sides:
        side.table.fixed[[0, 4], 6] = 100 * MS
        assert side.steps.late(100 * MS - 1) == []
        side.take([(4, RTP, MS, packet(1))])
        assert side.steps.late(100 * MS) == [0] and side.steps.late(101 * MS) == [0, 4]
        side.table.end(0)
        assert side.steps.late(101 * MS) == [4]


def test_what_follows_on_something_odd_waits_for_it(sides: tuple[Side, Side]) -> None:
    for side in sides:
        left, _ = side.take([(0, RTP, MS, packet(5)), (0, RTP, MS, packet(1)), (2, RTP, MS, packet(1))])
        assert left == [0, 1]
        left, _ = side.take([(0, RTCP, MS, packet(5)), (0, RTP, MS, packet(1))])
        assert left == [0]
    assert_same(sides)


def test_natively_the_next_two_of_a_batch_go_both(sides: tuple[Side, Side]) -> None:
    assert sides[1].take([(3, RTP, 20 * MS, packet(1)), (3, RTP, 21 * MS, packet(2)), (3, RTP, 21 * MS, packet(2))])[
        0
    ] == [2]
    assert sides[1].table.waiting.end(3, 3).lent.payloads == [b"\1" * FRAME, b"\2" * FRAME]


def test_what_has_no_room_or_another_clock_is_not_kept(sides: tuple[Side, Side]) -> None:
    for side in sides:
        for number in range(1, 40):
            side.take([(3, RTP, number * 20 * MS, packet(number))])
        waiting = int(side.table.state[3, 0]) - 1
        assert 5 < waiting < 16
        assert side.take([(5, RTP, 620 * MS, packet(1))])[0] == [0]
    assert_same(sides)


@pytest.mark.parametrize(
    "data", [b"", b"\x80", header(0, False, SSRC, (1, FRAME)), b"\x80\0" + bytes(MAX_DATAGRAM - 2)]
)
def test_what_is_short_or_long_is_left(sides: tuple[Side, Side], data: bytes) -> None:
    for side in sides:
        assert side.take([(row, RTP, MS, data) for row in range(ROWS)])[0] == list(range(ROWS))
        assert side.take([(900, RTP, MS, data)])[0] == [0]
        side.table.grow(901)
    assert_same(sides)


class Nobody:
    def receive_rtp(self, data: bytes, arrival_ns: int) -> None: ...

    def receive_rtcp(self, data: bytes, arrival_ns: int) -> None: ...

    def discard(self, datagrams: int = 1) -> None: ...

    def fault(self, error: Exception) -> None: ...


def test_packets_of_tapped_lines_become_records(sides: tuple[Side, Side]) -> None:
    """The octets that recorder.wire packs, for each tap; and none of a line that got a closed one's number."""
    parties = ((b"1" * 16, 0, Codec.PCMU), (b"2" * 16, 255, Codec.L16_8000))
    for side in sides:
        with bind("127.0.0.1", 0) as first, bind("127.0.0.1", 0) as second:
            assert side.lines.open(first, Nobody()) == 0
            side.lines.tap(0, b"".join(packet_address(*party) for party in parties))
            side.take([(0, RTP, 2 * MS, packet(1)), (2, RTP, 3 * MS, packet(1))])
            assert side.lines.records() == (
                b"".join(
                    pack(Record(name, Kind.PACKET, party, 2 * MS, codec, 1, FRAME, SSRC, b"\1" * FRAME))
                    for name, party, codec in parties
                ),
                2 * MS,
            )
            side.lines.close(0)
            side.lines.receive()  # gives the number back
            assert side.lines.open(second, Nobody()) == 0
            side.take([(0, RTP, 22 * MS, packet(2))])
            assert side.lines.records() == (b"", 0)
            side.lines.close(0)


def test_no_addresses_are_no_tap(sides: tuple[Side, Side]) -> None:
    for side in sides:
        with bind("127.0.0.1", 0) as sock:
            side.lines.open(sock, Nobody())
            side.lines.tap(0, packet_address(b"1" * 16, 0, Codec.PCMU))
            side.lines.tap(0, b"")
            side.take([(0, RTP, 2 * MS, packet(1))])
            assert side.lines.records() == (b"", 0)
            side.lines.close(0)
