"""What the recorder is told of tapped legs: which parties are open, and what is held until it is acknowledged. Pure."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ipc.frames import frame
from recorder.wire import BATCH, Codec, Kind, Record, pack
from relay import formats
from relay.api import Tap
from relay.rtp import RtpPacket

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


class TapBook:
    """The open taps. Each call tells `emit` the records that come of it."""

    def __init__(self, emit: Callable[[Record], None]) -> None:
        self._emit = emit
        self._open: dict[Party, Tap] = {}
        self._rooms: dict[Party, str] = {}
        self._live: dict[str, list[Party]] = {}
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

    def packet(self, leg: str, packet: RtpPacket, codec: formats.Codec, clock: int) -> None:
        """An authenticated packet of a leg; its counters are extended."""
        for recording, party in self._live.get(leg, ()):
            self._emit(_packet_record(recording, party, packet, _CODECS.get(codec, Codec.NONE), clock))

    def is_live(self, leg: str) -> bool:
        """Whether a leg's packets are told."""
        return leg in self._live

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
                self._live.setdefault(tap.leg, []).append(party)


def _packet_record(recording: bytes, party: int, packet: RtpPacket, codec: Codec, clock: int) -> Record:
    return Record(
        recording, Kind.PACKET, party, clock, codec, packet.sequence, packet.timestamp, packet.ssrc, packet.payload
    )


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
        self._records: list[Record] = []
        self._batches: deque[_Batch] = deque()
        self._size = 0
        self._next = 1
        self._gaps: dict[Party, _Gap] = {}
        self.dropped = 0
        """Packets that the recorder will never see."""

    def add(self, record: Record) -> None:
        party = (record.recording, record.party)
        if record.kind in _SOUND and self._is_full(record.clock):
            self._drop(party, record)
            return
        if gap := self._gaps.pop(party, None):
            self._records.append(
                Record(
                    record.recording, Kind.GAP, record.party, record.clock, sequence=gap.packets, timestamp=gap.start
                )
            )
        self._records.append(record)

    def close_batch(self, clock: int) -> bytes | None:
        """The frame of a new batch with all records since the last; None when there are none."""
        if not self._records:
            return None
        data = frame(BATCH.pack(self._next) + b"".join(map(pack, self._records)))
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

    def _drop(self, party: Party, record: Record) -> None:
        gap = self._gaps.setdefault(party, _Gap(record.clock))
        if record.kind is Kind.PACKET:
            gap.packets += 1
            self.dropped += 1
