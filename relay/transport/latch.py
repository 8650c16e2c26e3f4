"""Where a peer behind a NAT sends from, learned from what it sends (symmetric RTP). Pure."""

import struct
from collections import OrderedDict
from dataclasses import dataclass, field

from relay.transport.address import Address

CONSISTENT = 5
"""Packets in clear that must belong together."""
MOST_MISSING = 20
"""Between two of them: what is lost breaks no row."""
MOST_SOURCES = 8
"""Rows that are followed; the one that grew least lately is dropped for a new one."""
_HEADER = struct.Struct("!BBHII")


@dataclass
class _Row:
    sequence: int
    packets: list[bytes] = field(default_factory=list)


class Latch:
    """Follows the sources of RTP packets until one is the peer's."""

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[Address, int], _Row] = OrderedDict()

    def take(self, data: bytes, source: Address, authentic: bool) -> list[bytes]:
        """An RTP packet in clear; `authentic`: under the peer's key. Returns what is the peer's, oldest first, when the
        source is the peer's with this packet; else nothing."""
        if len(data) < _HEADER.size:
            return []
        if authentic:
            return [data]
        _, _, sequence, _, ssrc = _HEADER.unpack_from(data)
        row = self._row(source, ssrc, sequence)
        row.sequence = sequence
        row.packets.append(data)
        return row.packets if len(row.packets) == CONSISTENT else []

    def _row(self, source: Address, ssrc: int, sequence: int) -> _Row:
        """The row that the packet goes on, or a new one."""
        row = self._rows.get((source, ssrc))
        if row is None or not 0 < (sequence - row.sequence) & 0xFFFF <= MOST_MISSING:
            row = self._rows[source, ssrc] = _Row(sequence)
        self._rows.move_to_end((source, ssrc))
        if len(self._rows) > MOST_SOURCES:
            self._rows.popitem(last=False)
        return row
