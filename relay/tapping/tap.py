"""What the recorder is told of tapped legs: which parties are open, and what is held until it is acknowledged. Pure."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ipc.frames import frame
from recorder.wire import BATCH, Codec, Kind, Record, pack, pack_counters, packet_address, unpack
from relay import formats
from relay.api import Tap
from relay.streams.rtp import RtpPacket

CLOCK_NS = 100_000_000
HOLD_NS = 10_000_000_000
"""What is not acknowledged for so long keeps newer sound out."""
HOLD_BYTES = 32 << 20
_CODECS = {
    formats.Codec("PCMU"): Codec.PCMU,
    formats.Codec("PCMA"): Codec.PCMA,
    formats.Codec("G722"): Codec.G722,
    formats.Codec("L16"): Codec.L16_8000,
    formats.Codec("L16", 16000): Codec.L16_16000,
    formats.Codec("opus", 48000, 2): Codec.OPUS,
    formats.Codec("CN"): Codec.COMFORT_NOISE,
}
_SOUND = (Kind.PACKET, Kind.CLOCK)

Party = tuple[bytes, int]
"""(recording, party)"""


Packed = tuple[bytes, bytes, bytes]
"""A packet's record in its parts: address, counters, payload."""


class _Live:
    """A tap that listens, and what it has made for the codec that its leg sends."""

    __slots__ = ("address", "codec", "party")

    def __init__(self, party: Party) -> None:
        self.party = party
        self.codec: formats.Codec | None = None
        self.address = b""

    def use(self, codec: formats.Codec) -> None:
        self.codec = codec
        self.address = packet_address(*self.party, _CODECS.get(codec, Codec.NONE))


class TapBook:
    """The open taps. Each call tells `emit` the records that come of it; of packets `emit_packet` is told, if there is
    one, their party, clock and record in parts."""

    def __init__(
        self, emit: Callable[[Record], None], emit_packet: Callable[[Party, int, Packed], None] | None = None
    ) -> None:
        self._emit = emit
        self._emit_packet = emit_packet or self._unpacked
        self._open: dict[Party, Tap] = {}
        self._rooms: dict[Party, str] = {}
        self._live: dict[str, list[_Live]] = {}
        self._next_clock = 0

    def __len__(self) -> int:
        """How many parties are open."""
        return len(self._open)

    def set_room(self, room: str, taps: Iterable[Tap], clock: int) -> None:
        """What is new begins, what is no longer there ends, what changed pauses or resumes."""
        wanted = {(bytes.fromhex(tap.recording), tap.party): tap for tap in taps}
        for party in [party for party, where in self._rooms.items() if where == room and party not in wanted]:
            self._end(party, clock)
        for party, tap in wanted.items():
            self._set(party, tap, clock)
            self._rooms[party] = room
        self._index()

    def drop_leg(self, leg: str, clock: int) -> None:
        """Ends all taps of a leg."""
        for party in [party for party, tap in self._open.items() if tap.leg == leg]:
            self._end(party, clock)
        self._index()

    def is_live(self, leg: str) -> bool:
        """Whether a leg's packets are told."""
        return leg in self._live

    def packet(self, leg: str, packet: RtpPacket, codec: formats.Codec, clock: int) -> None:
        """An authenticated packet of a leg; its counters are extended."""
        live = self._live.get(leg)
        if live is None:
            return
        payload = packet.payload
        counters = pack_counters(clock, packet.sequence, packet.timestamp, packet.ssrc, len(payload))
        for tap in live:
            if tap.codec is not codec:
                tap.use(codec)
            self._emit_packet(tap.party, clock, (tap.address, counters, payload))

    def _unpacked(self, _: Party, __: int, packed: Packed) -> None:
        self._emit(next(unpack(b"".join(packed))))

    def tick(self, clock: int) -> None:
        """Tells every open party how far time has come, ten times a second."""
        if clock < self._next_clock:
            return
        self._next_clock = clock + CLOCK_NS
        for party in self._open:
            self._tell(Kind.CLOCK, party, clock)

    def _set(self, party: Party, tap: Tap, clock: int) -> None:
        before = self._open.get(party)
        self._open[party] = tap
        if before is None:
            self._tell(Kind.BEGIN, party, clock)
        if tap.live != (before is None or before.live):
            self._tell(Kind.RESUME if tap.live else Kind.PAUSE, party, clock)

    def _end(self, party: Party, clock: int) -> None:
        del self._open[party], self._rooms[party]
        self._tell(Kind.END, party, clock)

    def _tell(self, kind: Kind, party: Party, clock: int) -> None:
        self._emit(Record(party[0], kind, party[1], clock))

    def _index(self) -> None:
        self._live = {}
        for party, tap in self._open.items():
            if tap.live:
                self._live.setdefault(tap.leg, []).append(_Live(party))


@dataclass
class _Gap:
    start: int
    packets: int = 0


@dataclass(frozen=True)
class _Batch:
    number: int
    data: bytes
    clock: int


class Outbox:
    """Records waiting for their batch, and batches waiting for their acknowledgement.

    When the recorder has not acknowledged for HOLD_NS, sound is dropped and counted; what else is told is always kept.
    The newest is dropped rather than the oldest, so that batch numbers have no hole."""

    def __init__(self) -> None:
        self._records: list[bytes] = []
        """Packed, some in parts."""
        self._batches: deque[_Batch] = deque()
        self._size = 0
        self._next = 1
        self._gaps: dict[Party, _Gap] = {}
        self.dropped = 0
        """Packets that the recorder will never see."""

    def add(self, record: Record) -> None:
        party = (record.recording, record.party)
        if record.kind in _SOUND and self._is_full(record.clock):
            self._drop(party, record.clock, packets=int(record.kind is Kind.PACKET))
            return
        self._end_gap(party, record.clock)
        self._records.append(pack(record))

    def add_packet(self, party: Party, clock: int, packed: Packed) -> None:
        """The same of a packet's record in its parts."""
        if self._is_full(clock):
            self._drop(party, clock, packets=1)
            return
        if self._gaps:
            self._end_gap(party, clock)
        self._records += packed

    def close_batch(self, clock: int) -> bytes | None:
        """The frame of a new batch with all records since the last; None when there are none."""
        if not self._records:
            return None
        data = frame(BATCH.pack(self._next) + b"".join(self._records))
        self._batches.append(_Batch(self._next, data, clock))
        self._records.clear()
        self._next += 1
        self._size += len(data)
        return data

    def acknowledge(self, number: int) -> None:
        """All batches up to this one are safe."""
        while self._batches and self._batches[0].number <= number:
            self._size -= len(self._batches.popleft().data)

    def unacknowledged(self) -> Iterator[bytes]:
        """The frames to send again after a reconnection."""
        return (batch.data for batch in self._batches)

    @property
    def is_empty(self) -> bool:
        return not self._batches and not self._records

    def _is_full(self, clock: int) -> bool:
        if not self._batches:
            return False
        return clock - self._batches[0].clock > HOLD_NS or self._size > HOLD_BYTES

    def _drop(self, party: Party, clock: int, packets: int) -> None:
        self._gaps.setdefault(party, _Gap(clock)).packets += packets
        self.dropped += packets

    def _end_gap(self, party: Party, clock: int) -> None:
        if gap := self._gaps.pop(party, None):
            told = Record(party[0], Kind.GAP, party[1], clock, sequence=gap.packets, timestamp=gap.start)
            self._records.append(pack(told))
