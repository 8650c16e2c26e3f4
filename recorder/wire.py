"""The tap frame: how a relay worker tells the recorder what its tapped parties sent. Pure.

A stream of frames on the recorder's tap socket, each `ipc.frames.frame(...)` of
    worker -> recorder   HELLO once: 16 bytes, random, the same for the life of the worker process
                         then batches: batch number (u64, from 1, one more each time) and any number of records
    recorder -> worker   a u64 each: all batches up to this number have been written to the spool's file
After a reconnection the worker says HELLO again and sends every batch that was not acknowledged once more, same number,
same bytes. What arrives twice is recognised by (party, ssrc, sequence, arrival) when the recording is finalized.
"""

import enum
import struct
from collections.abc import Iterator
from typing import NamedTuple

BATCH = struct.Struct("!Q")
ACKNOWLEDGEMENT = struct.Struct("!Q")
HELLO_SIZE = 16
_RECORD = struct.Struct("!16sBBBxqqqIH")
OVERHEAD = _RECORD.size
"""A record's length without its payload."""


class WireError(ValueError):
    """A batch that is cut or holds an unknown kind of record."""


class Kind(enum.IntEnum):
    BEGIN = 1
    """A party joins the recording's time line, live."""
    END = 2
    PAUSE = 3
    """From here on the party is silent by intention."""
    RESUME = 4
    CLOCK = 5
    """Ten times a second for each party, so that the time line is known to have run this far."""
    PACKET = 6
    GAP = 7
    """The worker had to drop what it held for this party: `sequence` packets, from `timestamp` to `clock`, both in
    ns."""


class Codec(enum.IntEnum):
    """What the payload is; numbers are the static payload types of RFC 3551 where there is one."""

    NONE = 255
    PCMU = 0
    PCMA = 8
    G722 = 9
    COMFORT_NOISE = 13
    OPUS = 111
    L16_16000 = 112
    L16_8000 = 113


_KINDS = {int(kind): kind for kind in Kind}
_CODECS = {int(codec): codec for codec in Codec}


class Record(NamedTuple):
    recording: bytes
    """16 bytes."""
    kind: Kind
    party: int
    clock: int
    """Arrival or event time in ns on the worker's monotonic clock."""
    codec: Codec = Codec.NONE
    sequence: int = 0
    """RTP sequence number, extended to 64 bits by the worker."""
    timestamp: int = 0
    """RTP timestamp, extended likewise, in units of the codec's RTP clock (Opus 48 kHz, L16 its own, others 8 kHz)."""
    ssrc: int = 0
    payload: bytes = b""


def pack(record: Record) -> bytes:
    return (
        _RECORD.pack(
            record.recording, record.kind, record.party, record.codec, record.clock, record.sequence, record.timestamp,
            record.ssrc, len(record.payload),
        )
        + record.payload
    )  # fmt: skip


_ADDRESS = struct.Struct("!16sBBBx")
ADDRESS = _ADDRESS.size
"""The length of what a record begins with; its clock follows, eight octets."""
_PACKET = struct.Struct("!qqqIH")
pack_counters = _PACKET.pack
"""What a packet's record has between its address and its payload: clock, sequence, timestamp, SSRC, length of the
payload. The worker packs fifty of them a second for each party, so there is no more to it."""


def packet_address(recording: bytes, party: int, codec: Codec) -> bytes:
    """What the records of all packets of a party begin with."""
    return _ADDRESS.pack(recording, Kind.PACKET, party, codec)


class Slice(NamedTuple):
    """A record of which only the address was read."""

    recording: bytes
    kind: Kind
    party: int
    clock: int
    data: bytes
    """The whole record as it was packed."""


def cut(data: bytes, start: int = 0) -> Iterator[Slice]:
    """The records of a batch, uninterpreted: for whoever only passes them on. Raises WireError."""
    while start < len(data):
        try:
            recording, kind, party, codec, clock, _, _, _, length = _RECORD.unpack_from(data, start)
            kind, _ = _KINDS[kind], _CODECS[codec]
        except (struct.error, KeyError) as error:
            raise WireError(str(error)) from None
        end = start + _RECORD.size + length
        if end > len(data):
            raise WireError("record is cut")
        yield Slice(recording, kind, party, clock, data[start:end])
        start = end


def unpack(data: bytes, start: int = 0) -> Iterator[Record]:
    """The records of a batch, from `start` (BATCH.size where the number was read already). Raises WireError."""
    while start < len(data):
        try:
            recording, kind, party, codec, clock, sequence, timestamp, ssrc, length = _RECORD.unpack_from(data, start)
            known = _KINDS[kind], _CODECS[codec]
        except (struct.error, KeyError) as error:
            raise WireError(str(error)) from None
        start += _RECORD.size
        if start + length > len(data):
            raise WireError("record is cut")
        payload = data[start : start + length]
        yield Record(recording, known[0], party, clock, known[1], sequence, timestamp, ssrc, payload)
        start += length
