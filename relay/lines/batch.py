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

    def __init__(self, octets: Octets, columns: Column) -> None:
        """`octets`: one row a slot, each of a whole number of words; `columns`: COLUMNS rows."""
        self._octets = octets
        self._words: Any = octets.view(">u4")
        self._columns = columns
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def fill(self, count: int) -> None:
        """So many datagrams are told of in the columns."""
        self._count = count

    @property
    def lines(self) -> Column:
        return self._columns[0, : self._count]

    @property
    def kinds(self) -> Column:
        return self._columns[1, : self._count]

    @property
    def slots(self) -> Column:
        """Rows of the table of octets."""
        return self._columns[2, : self._count]

    @property
    def sizes(self) -> Column:
        return self._columns[3, : self._count]

    @property
    def arrivals(self) -> Column:
        """In ns on the clock of relay.tick.now_ns."""
        return self._columns[4, : self._count]

    @property
    def heads(self) -> Column:
        """The first four octets as one number: version, marker, payload type and sequence number; 0 of what has no
        header of RTP."""
        return self._columns[5, : self._count]

    @property
    def timestamps(self) -> Column:
        return self._columns[6, : self._count]

    @property
    def ssrcs(self) -> Column:
        return self._columns[7, : self._count]

    @property
    def contents(self) -> Column:
        """The two octets after the fixed header, as one number."""
        return self._columns[8, : self._count]

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
