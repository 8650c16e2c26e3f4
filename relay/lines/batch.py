"""A batch of datagrams as columns over one table of octets, so that many packets are looked at and stamped at once."""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.int64]
Octets = npt.NDArray[np.uint8]

COLUMNS = 9
_HEADER = 12
_WORDS = struct.Struct("!III")
RTP, RTCP = 0, 1
"""Kinds of datagrams."""


class Batch:
    """What was let through, in clear, in order of arrival of each line. The next batch overwrites it."""

    lines: Column
    kinds: Column
    slots: Column
    """Rows of the table of octets."""
    sizes: Column
    arrivals: Column
    """In ns on the clock of relay.tick.now_ns."""
    heads: Column
    """The first four octets as one number: version, marker, payload type and sequence number; 0 of what has no header
    of RTP."""
    timestamps: Column
    ssrcs: Column
    contents: Column
    """The two octets after the fixed header, as one number."""

    def __init__(self, octets: Octets, columns: Column) -> None:
        """`octets`: one row a slot, each of a whole number of words; `columns`: COLUMNS rows."""
        self._octets = octets
        self._words: Any = octets.view(">u4")
        self._columns = columns
        self.fill(0)

    def __len__(self) -> int:
        return len(self.lines)

    def fill(self, count: int) -> None:
        """So many datagrams are told of in the columns."""
        (
            self.lines, self.kinds, self.slots, self.sizes, self.arrivals,
            self.heads, self.timestamps, self.ssrcs, self.contents,
        ) = self._columns[:, :count]  # fmt: skip

    def put(self, place: int, seen: tuple[int, int, int], data: bytes) -> None:
        """Tells of a datagram in the columns at that place, with the octets in the slot of the same number; `seen`:
        line, kind and arrival. To be followed by `fill`."""
        line, kind, arrival_ns = seen
        self._octets[place, : len(data)] = np.frombuffer(data, np.uint8)
        header = _WORDS.unpack_from(data) if len(data) >= _WORDS.size else (0, 0, 0)
        content = int.from_bytes(data[_HEADER : _HEADER + 2], "big") if len(data) >= _HEADER + 2 else 0
        self._columns[:, place] = line, kind, place, len(data), arrival_ns, *header, content

    def data(self, place: int) -> bytes:
        """One datagram."""
        return self._octets[self.slots[place], : self.sizes[place]].tobytes()

    def packets(self, slots: Column, sizes: Column) -> list[bytes]:
        """What is in those slots now."""
        return [self._octets[slot, :size].tobytes() for slot, size in zip(slots.tolist(), sizes.tolist(), strict=True)]

    def payloads(self, slots: Column, size: int) -> Octets:
        """uint8[n, size]: what follows on the fixed header."""
        return self._octets[slots, _HEADER : _HEADER + size]

    def stamp(self, slots: Column, header: tuple[Column, Column, Column]) -> None:
        """Gives packets in those slots a fixed header: heads, timestamps and SSRCs, of which the low 32 bits are
        sent."""
        for place, column in enumerate(header):
            self._words[slots, place] = column
