"""Legs that are sent the mix of a room in G.711 or Opus, a packet each tick, as columns: all their packets are made and
sent together. It goes on as long as nothing else is to be sent to a leg; then its stream goes on from
where `end` says that it is."""

from functools import lru_cache
from typing import Protocol

import msgspec
import numpy as np

from relay.codecs import g711
from relay.lines import Lines
from relay.lines.batch import Column, Octets
from relay.lines.plain import PlainLines
from relay.mixing.rows import longer
from relay.passing.waiting import FRAME
from relay.streams.rtp import HEADER_SIZE

OPUS = -1
"""In place of the number of a law."""
_MARKER = 1 << 23
"""In the first four octets of a packet."""
_WORD = 4


class Voices(msgspec.Struct, frozen=True):
    """What is encoded in Opus in a tick."""

    octets: Octets
    """uint8[voices, any number]."""
    sizes: Column
    """Octets of each that count; 0: silence, for which nothing is sent."""
    places: Column
    """By row of the listener, the voice that it hears; -1: none."""

    @staticmethod
    @lru_cache(8)
    def none(rows: int) -> "Voices":
        """Nobody listens. Not to be written to."""
        return Voices(np.zeros((0, 1), np.uint8), np.zeros(0, np.int64), np.full(rows, -1, np.int64))


class Heard(msgspec.Struct, frozen=True):
    """What is heard in a tick."""

    octets: Octets
    """uint8[laws, mixes + 1, FRAME]; the last is silence."""
    mixes: Column
    """By row of the listener; -1: silence."""
    voices: Voices

    def frame(self, law: g711.Law, mix: int) -> bytes:
        """One mix in one law."""
        octets: bytes = self.octets[g711.LAWS.index(law), mix].tobytes()
        return octets


class Listener(msgspec.Struct, frozen=True):
    """A leg that is sent a packet each tick."""

    row: int
    """Of sound."""
    law: g711.Law | None
    """None: Opus."""
    samples: int
    """The length of each packet, in units of the clock."""
    head: int
    """The first four octets of its packets without the sequence number."""
    ssrc: int
    next: tuple[int, int]
    """Sequence number and timestamp."""


class Columns(msgspec.Struct, frozen=True):
    """Of listeners, by numbers of lines."""

    fixed: Column
    """int64[lines, 5]: head, SSRC, row of sound, number of the law or OPUS, length of a packet."""
    next: Column
    """int64[lines, 3]: sequence number and timestamp of the next packet, and whether it comes after silence of which
    nothing was sent."""
    sent: Column
    """int64[lines, 3]: packets, units and octets, as in Sent."""


class Sent(msgspec.Struct, frozen=True):
    """What was sent to a leg since the beginning, or since it was asked."""

    packets: int
    units: int
    """How much time has gone by, in units of the clock."""
    octets: int
    """Of payloads."""
    silent: bool
    """Nothing was sent in the last tick: what comes next begins a stretch of sound."""


class Packets(Protocol):
    """Makes and sends packets: in numpy here, and by relay/lines/_runs.c where the lines are native."""

    def send(self, rows: Column, columns: Columns, heard: Heard) -> None:
        """A packet to each of the rows that has something to hear, after what was posted."""


class NumpyPackets:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def send(self, rows: Column, columns: Columns, heard: Heard) -> None:
        head, ssrc, source, law, samples = columns.fixed.take(rows, axis=0).T
        sequence, timestamp, silent = columns.next.take(rows, axis=0).T
        payloads, sizes = _payloads(heard, source, law)
        sounds = sizes > 0
        packets = np.empty((len(rows), HEADER_SIZE + payloads.shape[1]), np.uint8)
        words = packets.view(">u4")
        words[:, 0] = head | silent * _MARKER | sequence & 0xFFFF
        words[:, 1], words[:, 2] = timestamp, ssrc
        packets[:, HEADER_SIZE:] = payloads
        columns.next[rows] = np.stack((sequence + sounds, timestamp + samples, ~sounds), axis=1)
        columns.sent[rows] += np.stack((sounds, samples, sizes), axis=1)
        self._lines.send(rows[sounds], packets[sounds], HEADER_SIZE + sizes[sounds])


class Outbound:
    """Of all legs of a worker; rows of the columns are numbers of lines."""

    def __init__(self, lines: Lines) -> None:
        self._packets = make_packets(lines)
        self._active: set[int] = set()
        self._rows: Column | None = None
        self._columns = Columns(*(np.zeros((0, width), np.int64) for width in (5, 3, 3)))

    def __len__(self) -> int:
        return len(self._active)

    def begin(self, line: int, listener: Listener) -> None:
        self._grow(line + 1)
        self._active.add(line)
        self._rows = None
        columns, law = self._columns, OPUS if listener.law is None else g711.LAWS.index(listener.law)
        columns.fixed[line] = listener.head, listener.ssrc, listener.row, law, listener.samples
        columns.next[line], columns.sent[line] = (*listener.next, 0), 0

    def end(self, line: int) -> Sent:
        """Nothing more is sent; returns as `sent`."""
        self._active.discard(line)
        self._rows = None
        return self.sent(line)

    def sent(self, line: int) -> Sent:
        """What was sent since the beginning, or since this was asked."""
        packets, units, octets = self._columns.sent[line].tolist()
        self._columns.sent[line] = 0
        return Sent(packets, units, octets, bool(self._columns.next[line, 2]))

    def send(self, heard: Heard) -> None:
        """A packet to each, but to those who hear silence of which nothing is sent."""
        if not self._active:
            return
        if self._rows is None:
            self._rows = np.array(sorted(self._active), np.int64)
        self._packets.send(self._rows, self._columns, heard)

    def _grow(self, size: int) -> None:
        if (more := size - len(self._columns.sent)) > 0:
            more += max(64, size)
            columns = (self._columns.fixed, self._columns.next, self._columns.sent)
            self._columns = Columns(*(longer(column, more) for column in columns))


def make_packets(lines: Lines) -> Packets:
    """The fastest that these lines can have."""
    if isinstance(lines, PlainLines):
        return NumpyPackets(lines)
    from relay.passing.native_packets import NativePackets  # which there is where there are other lines

    return NativePackets(lines)


def _payloads(heard: Heard, sources: Column, laws: Column) -> tuple[Octets, Column]:
    """What those hear who have these rows of sound: uint8[sources, whole words], and how many octets of each count."""
    opus = laws == OPUS
    places, voices = heard.voices.places[sources], heard.voices.octets
    sung = opus & (places >= 0)
    widest = max(voices.shape[1], FRAME)
    payloads = np.zeros((len(sources), -(-widest // _WORD) * _WORD), np.uint8)
    sizes = np.where(opus, 0, FRAME)
    sizes[sung] = heard.voices.sizes[places[sung]]
    payloads[sung, : voices.shape[1]] = voices[places[sung]]
    payloads[~opus, :FRAME] = heard.octets[laws[~opus], heard.mixes[sources[~opus]]]
    return payloads, sizes
