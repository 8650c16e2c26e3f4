"""What the recorder is to be told: records waiting for their batch, and batches until they are acknowledged. Pure."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ipc.frames import head_and
from recorder.wire import BATCH, Kind, Record, Slice, cut, pack

HOLD_NS = 10_000_000_000
"""What is not acknowledged for so long keeps newer sound out."""
HOLD_BYTES = 32 << 20
MOST_PARTS = 16
_SOUND = (Kind.PACKET, Kind.CLOCK)

Party = tuple[bytes, int]
"""(recording, party)"""


@dataclass
class _Gap:
    start: int
    packets: int = 0


class _Batch(NamedTuple):
    number: int
    parts: list[bytes]
    size: int
    clock: int


class Outbox:
    """Records waiting for their batch, and batches waiting for their acknowledgement.

    When the recorder has not acknowledged for HOLD_NS, sound is dropped and counted; what else is told is always kept.
    The newest is dropped rather than the oldest, so that batch numbers have no hole."""

    def __init__(self) -> None:
        self._records: list[bytes] = []
        """Packed, some of them many in one."""
        self._packed: list[bytes] = []
        """Those behind them of which nothing was decided yet."""
        self._latest = 0
        self._batches: deque[_Batch] = deque()
        self._size = 0
        self._next = 1
        self._gaps: dict[Party, _Gap] = {}
        self.dropped = 0
        """Packets that the recorder will never see."""

    def add(self, record: Record) -> None:
        self._settle()
        self._add(Slice(record.recording, record.kind, record.party, record.clock, pack(record)))

    def add_packed(self, records: bytes, clock: int) -> None:
        """Any number of packed records; `clock`: of the latest of them."""
        self._packed.append(records)
        if clock > self._latest:
            self._latest = clock

    def close_batch(self, clock: int) -> list[bytes]:
        """The frame of a new batch with all records since the last, in at most MOST_PARTS parts; none when there are no
        records."""
        self._settle()
        records, self._records = self._records, []
        if not records:
            return []
        if len(records) >= MOST_PARTS:
            records = [b"".join(records)]
        parts = head_and([BATCH.pack(self._next), *records])
        size = sum(map(len, parts))
        self._batches.append(_Batch(self._next, parts, size, clock))
        self._next += 1
        self._size += size
        return parts

    def acknowledge(self, number: int) -> None:
        """All batches up to this one are safe."""
        self._settle()
        while self._batches and self._batches[0].number <= number:
            self._size -= self._batches.popleft().size

    def unacknowledged(self) -> Iterator[bytes]:
        """The frames to send again after a reconnection."""
        return (b"".join(batch.parts) for batch in self._batches)

    @property
    def is_empty(self) -> bool:
        return not self._batches and not self._records and not self._packed

    def _is_full(self, clock: int) -> bool:
        if not self._batches:
            return False
        return clock - self._batches[0].clock > HOLD_NS or self._size > HOLD_BYTES

    def _settle(self) -> None:
        """Decides what is kept, as if each had been added by itself when it came: only `close_batch` and `acknowledge`
        change what there is room for."""
        packed, self._packed = self._packed, []
        if self._gaps or self._is_full(self._latest):
            for records in packed:
                for record in cut(records):
                    self._add(record)
        else:
            self._records += packed

    def _add(self, record: Slice) -> None:
        party = (record.recording, record.party)
        if record.kind in _SOUND and self._is_full(record.clock):
            self._drop(party, record.clock, packets=int(record.kind is Kind.PACKET))
            return
        self._end_gap(party, record.clock)
        self._records.append(record.data)

    def _drop(self, party: Party, clock: int, packets: int) -> None:
        self._gaps.setdefault(party, _Gap(clock)).packets += packets
        self.dropped += packets

    def _end_gap(self, party: Party, clock: int) -> None:
        if gap := self._gaps.pop(party, None):
            told = Record(party[0], Kind.GAP, party[1], clock, sequence=gap.packets, timestamp=gap.start)
            self._records.append(pack(told))
