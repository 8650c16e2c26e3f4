"""What the spool of a finished recording holds: the columns of all packets, party by party, and where their payloads
are.

An hour of two parties is 360,000 packets: their columns are kept, their payloads are read again when their turn comes.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder import wire
from recorder.errors import Damaged
from recorder.finalizing import opus
from recorder.spooling.reading import SpoolReader
from recorder.spooling.segment import Frame, FrameKind
from recorder.wire import Codec, Kind, Record

MAX_SECONDS = 1.0
"""No packet holds more sound than this."""
_CACHE = 64


class Where(NamedTuple):
    """Where a payload is."""

    frame: int
    offset: int
    length: int


class Track:
    """All that one party sent, as it came: with what was sent twice, and out of order."""

    def __init__(self) -> None:
        self.codec = array("B")
        self.arrival = array("q")
        self.sequence = array("q")
        self.timestamp = array("q")
        self.ssrc = array("I")
        self.duration = array("H")
        """In units of the timestamp; 0 when it is no sound."""
        self.frame = array("I")
        self.offset = array("I")
        self.length = array("H")
        self.clocks = array("q")
        """Of every other record: like an arrival, a time at which the party is known to have been followed."""
        self.events: list[tuple[int, Kind]] = []
        """BEGIN, END, PAUSE, RESUME with their clock, in the order of the tap, each once."""
        self.overflows: set[tuple[int, int]] = set()
        """From when to when the worker had no room."""

    def add(self, record: Record, frame: int, offset: int) -> None:
        if record.kind is Kind.PACKET:
            self._add_packet(record, frame, offset)
            return
        self.clocks.append(record.clock)
        if record.kind is Kind.GAP:
            self.overflows.add((record.timestamp, record.clock))
        elif record.kind is not Kind.CLOCK and (record.clock, record.kind) not in self.events[-64:]:
            self.events.append((record.clock, record.kind))

    def where(self, index: int) -> Where:
        return Where(self.frame[index], self.offset[index], self.length[index])

    def followed(self) -> NDArray[np.int64]:
        """The clocks of all records."""
        return np.concatenate((column(self.arrival), column(self.clocks)))

    def forget_times(self) -> None:
        """What nobody asks for once the packets have their places: three quarters of it all."""
        for values in (self.arrival, self.sequence, self.timestamp, self.ssrc, self.duration):
            del values[:]

    def _add_packet(self, record: Record, frame: int, offset: int) -> None:
        self.codec.append(record.codec)
        self.arrival.append(record.clock)
        self.sequence.append(record.sequence)
        self.timestamp.append(record.timestamp)
        self.ssrc.append(record.ssrc)
        self.duration.append(_duration(record))
        self.frame.append(frame)
        self.offset.append(offset)
        self.length.append(len(record.payload))


def column(values: "array[int]") -> NDArray[np.int64]:
    """To be read only, and when nothing is added any more: of 64-bit values it is no copy."""
    return np.asarray(values, np.int64)


_RATES = np.full(256, 8000)
_RATES[Codec.OPUS] = 48000
_RATES[Codec.L16_16000] = 16000


def clock_rate(codec: int) -> int:
    """Timestamps per second."""
    return int(_RATES[codec])


def clock_rates(codecs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Timestamps per second of each."""
    return _RATES[codecs]


def _duration(record: Record) -> int:
    match record.codec:
        case Codec.PCMU | Codec.PCMA | Codec.G722:
            duration = len(record.payload)
        case Codec.L16_8000 | Codec.L16_16000:
            duration = len(record.payload) // 2
        case Codec.OPUS:
            duration = opus.samples(record.payload) * opus.TIMESTAMPS_PER_SAMPLE
        case _:
            duration = 0
    return duration if duration <= MAX_SECONDS * clock_rate(record.codec) else 0


class _Frames:
    """Where the frames are, as columns."""

    def __init__(self) -> None:
        self.number = array("I")
        self.sequence = array("Q")
        self.offset = array("Q")
        self.length = array("I")

    def __len__(self) -> int:
        return len(self.number)

    def add(self, number: int, frame: Frame) -> None:
        self.number.append(number)
        self.sequence.append(frame.sequence)
        self.offset.append(frame.offset)
        self.length.append(frame.length)


class Index:
    """Reads a closed spool."""

    def __init__(self, reader: SpoolReader, recording: bytes) -> None:
        self._reader = reader
        self._recording = recording
        self._frames = _Frames()
        self._bodies: OrderedDict[int, bytes] = OrderedDict()
        self.tracks: dict[int, Track] = {}

    def read(self) -> None:
        """Raises Damaged, OSError."""
        for number in self._reader.numbers:
            for frame in self._reader.frames(number):
                if frame.kind is FrameKind.RECORDS:
                    self._frames.add(number, frame)
                    self._add(frame.body)
        self._reader.check_closed()

    def payload(self, where: Where) -> bytes:
        """Raises Damaged."""
        body = self._bodies.pop(where.frame, None) or self._body(where.frame)
        self._bodies[where.frame] = body
        if len(self._bodies) > _CACHE:
            self._bodies.popitem(last=False)
        return body[where.offset : where.offset + where.length]

    def _add(self, body: bytes) -> None:
        frame, offset = len(self._frames) - 1, 0
        for record in _records(body):
            offset += wire.OVERHEAD
            if record.recording != self._recording:
                raise Damaged("the spool has records of another recording")
            self.tracks.setdefault(record.party, Track()).add(record, frame, offset)
            offset += len(record.payload)

    def _body(self, frame: int) -> bytes:
        at = self._frames
        where = at.offset[frame], at.length[frame]
        return self._reader.frame(at.number[frame], at.sequence[frame], where).body


def _records(body: bytes) -> Iterator[Record]:
    try:
        yield from wire.unpack(body)
    except wire.WireError as error:
        raise Damaged(f"the spool has a frame with bad records: {error}") from None
