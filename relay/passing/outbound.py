"""Legs that are sent the mix of a room in G.711, a packet each tick, as columns: all their packets are made in a few
numpy calls and sent in one. It goes on as long as nothing else is to be sent to a leg; then its stream goes on from
where `end` says that it is."""

import msgspec
import numpy as np

from relay.codecs import g711
from relay.lines import Lines
from relay.lines.batch import Column, Octets
from relay.passing.waiting import FRAME
from relay.streams.rtp import HEADER_SIZE

_SIZE = HEADER_SIZE + FRAME


class Heard(msgspec.Struct, frozen=True):
    """What is heard in a tick."""

    octets: Octets
    """uint8[laws, mixes + 1, FRAME]; the last is silence."""
    mixes: Column
    """By row of the listener; -1: silence."""


class Listener(msgspec.Struct, frozen=True):
    """A leg that is sent a packet each tick."""

    row: int
    """Of sound."""
    law: g711.Law
    head: int
    """The first four octets of its packets without the sequence number."""
    ssrc: int
    next: tuple[int, int]
    """Sequence number and timestamp."""


class Outbound:
    """Of all legs of a worker; rows of the columns are numbers of lines."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._active: set[int] = set()
        self._rows: Column | None = None
        self._fixed = np.zeros((0, 4), np.int64)
        """Head, SSRC, row of sound, number of the law."""
        self._next = np.zeros((0, 2), np.int64)
        self._sent = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._active)

    def begin(self, line: int, listener: Listener) -> None:
        self._grow(line + 1)
        self._active.add(line)
        self._rows = None
        self._fixed[line] = listener.head, listener.ssrc, listener.row, g711.LAWS.index(listener.law)
        self._next[line], self._sent[line] = listener.next, 0

    def end(self, line: int) -> int:
        """Nothing more is sent; returns as `sent`."""
        self._active.discard(line)
        self._rows = None
        return self.sent(line)

    def sent(self, line: int) -> int:
        """How many packets were sent since the beginning, or since this was asked."""
        packets, self._sent[line] = int(self._sent[line]), 0
        return packets

    def send(self, heard: Heard) -> None:
        """A packet to each."""
        if not self._active:
            return
        if self._rows is None:
            self._rows = np.array(sorted(self._active), np.int64)
        rows = self._rows
        head, ssrc, source, law = self._fixed.take(rows, axis=0).T
        sequence, timestamp = self._next.take(rows, axis=0).T
        packets = np.empty((len(rows), _SIZE), np.uint8)
        words = packets.view(">u4")
        words[:, 0], words[:, 1], words[:, 2] = head | sequence & 0xFFFF, timestamp, ssrc
        packets[:, HEADER_SIZE:] = heard.octets[law, heard.mixes[source]]
        self._next[rows] += (1, FRAME)
        self._sent[rows] += 1
        self._lines.send(rows, packets)

    def _grow(self, size: int) -> None:
        if (more := size - len(self._sent)) > 0:
            more += max(64, size)
            for name in ("_fixed", "_next", "_sent"):
                table = getattr(self, name)
                setattr(self, name, np.concatenate([table, np.zeros((more, *table.shape[1:]), np.int64)]))
