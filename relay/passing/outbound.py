"""Legs that are sent the mix of a room in G.711, a packet each tick, as columns: all their packets are made and
sent together. It goes on as long as nothing else is to be sent to a leg; then its stream goes on from
where `end` says that it is."""

from typing import Protocol

import msgspec
import numpy as np

from relay.codecs import g711
from relay.lines import Lines
from relay.lines.batch import Column, Octets
from relay.lines.plain import PlainLines
from relay.passing.waiting import FRAME
from relay.streams.rtp import HEADER_SIZE

_SIZE = HEADER_SIZE + FRAME


class Heard(msgspec.Struct, frozen=True):
    """What is heard in a tick."""

    octets: Octets
    """uint8[laws, mixes + 1, FRAME]; the last is silence."""
    mixes: Column
    """By row of the listener; -1: silence."""

    def frame(self, law: g711.Law, mix: int) -> bytes:
        """One mix in one law."""
        octets: bytes = self.octets[g711.LAWS.index(law), mix].tobytes()
        return octets


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


class Columns(msgspec.Struct, frozen=True):
    """Of listeners, by numbers of lines."""

    fixed: Column
    """int64[lines, 4]: head, SSRC, row of sound, number of the law."""
    next: Column
    """int64[lines, 2]: sequence number and timestamp of the next packet."""
    sent: Column
    """int64[lines]: how many packets were sent."""


class Packets(Protocol):
    """Makes and sends packets: in numpy here, and by relay/lines/_runs.c where the lines are native."""

    def send(self, rows: Column, columns: Columns, heard: Heard) -> None:
        """A packet to each of the rows, after what was posted."""


class NumpyPackets:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def send(self, rows: Column, columns: Columns, heard: Heard) -> None:
        head, ssrc, source, law = columns.fixed.take(rows, axis=0).T
        sequence, timestamp = columns.next.take(rows, axis=0).T
        packets = np.empty((len(rows), _SIZE), np.uint8)
        words = packets.view(">u4")
        words[:, 0], words[:, 1], words[:, 2] = head | sequence & 0xFFFF, timestamp, ssrc
        packets[:, HEADER_SIZE:] = heard.octets[law, heard.mixes[source]]
        columns.next[rows] += (1, FRAME)
        columns.sent[rows] += 1
        self._lines.send(rows, packets)


class Outbound:
    """Of all legs of a worker; rows of the columns are numbers of lines."""

    def __init__(self, lines: Lines) -> None:
        self._packets = make_packets(lines)
        self._active: set[int] = set()
        self._rows: Column | None = None
        self._columns = Columns(np.zeros((0, 4), np.int64), np.zeros((0, 2), np.int64), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self._active)

    def begin(self, line: int, listener: Listener) -> None:
        self._grow(line + 1)
        self._active.add(line)
        self._rows = None
        columns = self._columns
        columns.fixed[line] = listener.head, listener.ssrc, listener.row, g711.LAWS.index(listener.law)
        columns.next[line], columns.sent[line] = listener.next, 0

    def end(self, line: int) -> int:
        """Nothing more is sent; returns as `sent`."""
        self._active.discard(line)
        self._rows = None
        return self.sent(line)

    def sent(self, line: int) -> int:
        """How many packets were sent since the beginning, or since this was asked."""
        packets, self._columns.sent[line] = int(self._columns.sent[line]), 0
        return packets

    def send(self, heard: Heard) -> None:
        """A packet to each."""
        if not self._active:
            return
        if self._rows is None:
            self._rows = np.array(sorted(self._active), np.int64)
        self._packets.send(self._rows, self._columns, heard)

    def _grow(self, size: int) -> None:
        if (more := size - len(self._columns.sent)) > 0:
            more += max(64, size)
            columns = (self._columns.fixed, self._columns.next, self._columns.sent)
            self._columns = Columns(
                *(np.concatenate([column, np.zeros((more, *column.shape[1:]), np.int64)]) for column in columns)
            )


def make_packets(lines: Lines) -> Packets:
    """The fastest that these lines can have."""
    if isinstance(lines, PlainLines):
        return NumpyPackets(lines)
    from relay.passing.native_packets import NativePackets  # which there is where there are other lines

    return NativePackets(lines)
