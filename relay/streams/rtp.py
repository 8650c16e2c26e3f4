"""RTP packets (RFC 3550 §5.1): parse, serialize, and the extension of their short counters. Pure.

Sequence numbers and timestamps are extended once, at the edge; behind it nobody knows of 16 or 32 bits.
"""

import struct
from typing import NoReturn

import msgspec

from relay.streams.malformed import RtpError

__all__ = ["CounterExtender", "Extension", "RtpError", "RtpPacket", "StreamExtender", "parse", "serialize"]

VERSION = 2
HEADER_SIZE = 12
MAX_CSRCS = 15

_FIXED = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")


class Extension(msgspec.Struct, frozen=True, gc=False):
    """A header extension, kept as it came (RFC 3550 §5.3.1)."""

    profile: int
    data: bytes
    """A multiple of four bytes."""


class RtpPacket(msgspec.Struct, frozen=True):
    """One RTP packet without its padding."""

    payload_type: int
    marker: bool
    ssrc: int
    sequence: int
    """As sent (16 bits) from `parse`, ever-growing from `StreamExtender.read`."""
    timestamp: int
    """In units of the codec's clock; as sent (32 bits) from `parse`, ever-growing from `StreamExtender.read`."""
    payload: bytes
    csrcs: tuple[int, ...] = ()
    extension: Extension | None = None


_Fields = tuple[int, bool, int, int, int, bytes, tuple[int, ...], Extension | None]


def parse(data: bytes) -> RtpPacket:
    """The packet in a datagram. Raises RtpError."""
    return RtpPacket(*_fields(data))


def _fields(data: bytes) -> _Fields:
    """A packet's fields as in RtpPacket. Raises RtpError."""
    if len(data) < HEADER_SIZE:
        _refuse("shorter than a header")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first >> 6 != VERSION:
        _refuse("version is not 2")
    start = HEADER_SIZE
    csrcs: tuple[int, ...] = ()
    extension: Extension | None = None
    # Almost every packet is without all three; one test finds that out.
    if first & 0x3F:
        csrcs, start = _csrcs(data, first & 0x0F)
        if first & 0x10:
            extension, start = _extension(data, start)
    end = len(data) - (_padding(data, start) if first & 0x20 else 0)
    return second & 0x7F, second > 0x7F, ssrc, sequence, timestamp, data[start:end], csrcs, extension


def serialize(packet: RtpPacket) -> bytes:
    """The packet as a datagram; of extended counters the low bits are sent. Raises RtpError if it has no wire form."""
    if len(packet.csrcs) > MAX_CSRCS:
        _refuse("more than 15 contributing sources")
    first = VERSION << 6 | (0x10 if packet.extension else 0) | len(packet.csrcs)
    second = packet.payload_type | (0x80 if packet.marker else 0)
    head = _FIXED.pack(first, second, packet.sequence & 0xFFFF, packet.timestamp & 0xFFFFFFFF, packet.ssrc)
    if not first & 0x1F:
        return head + packet.payload
    csrcs = struct.pack(f"!{len(packet.csrcs)}I", *packet.csrcs)
    return head + csrcs + _extension_bytes(packet.extension) + packet.payload


def header(payload_type: int, marker: bool, ssrc: int, counters: tuple[int, int]) -> bytes:
    """The header of a packet without sources and extension. `counters`: sequence number and timestamp; of extended ones
    the low bits are sent."""
    sequence, timestamp = counters
    second = payload_type | 0x80 if marker else payload_type
    return _FIXED.pack(VERSION << 6, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)


class CounterExtender:
    """Makes an ever-growing number of a counter of `bits` bits that wraps.

    Each value is taken to be the one nearest to the highest seen, so reordering across a wrap is no jump. Values begin
    one wrap up: an early straggler is never negative.
    """

    __slots__ = ("_half", "_highest", "_wrap")

    def __init__(self, bits: int) -> None:
        self._wrap = 1 << bits
        self._half = self._wrap >> 1
        self._highest: int | None = None

    def extend(self, value: int) -> int:
        if self._highest is None:
            self._highest = value + self._wrap
            return self._highest
        ahead = (value - self._highest) % self._wrap
        extended = self._highest + ahead - (self._wrap if ahead >= self._half else 0)
        self._highest = max(self._highest, extended)
        return extended

    def advance(self, by: int) -> None:
        """The highest value is so much higher now."""
        if self._highest is None:
            raise AssertionError("nothing was extended yet")
        self._highest += by


class StreamExtender:
    """Extends the counters of one leg's packets. Feed authenticated packets only.

    It remembers two sources, so that a straggler of the one before does not make the new one count from elsewhere.
    """

    __slots__ = ("_sources",)

    def __init__(self) -> None:
        self._sources: dict[int, tuple[CounterExtender, CounterExtender]] = {}

    def read(self, data: bytes) -> RtpPacket:
        """The packet in a datagram, its counters extended. Raises RtpError."""
        payload_type, marker, ssrc, sequence, timestamp, payload, csrcs, extension = _fields(data)
        sequences, timestamps = self._sources.get(ssrc) or self._new_source(ssrc)
        return RtpPacket(
            payload_type,
            marker,
            ssrc,
            sequences.extend(sequence),
            timestamps.extend(timestamp),
            payload,
            csrcs,
            extension,
        )

    def advance(self, ssrc: int, packets: int, units: int) -> None:
        """So many more packets of a known source were read elsewhere, in order, their sound `units` long together."""
        sequences, timestamps = self._sources[ssrc]
        sequences.advance(packets)
        timestamps.advance(units)

    def _new_source(self, ssrc: int) -> tuple[CounterExtender, CounterExtender]:
        if len(self._sources) == 2:
            del self._sources[next(iter(self._sources))]
        self._sources[ssrc] = CounterExtender(16), CounterExtender(32)
        return self._sources[ssrc]


def _refuse(reason: str) -> NoReturn:
    raise RtpError(reason)


def _csrcs(data: bytes, count: int) -> tuple[tuple[int, ...], int]:
    end = HEADER_SIZE + 4 * count
    if len(data) < end:
        _refuse("contributing sources are cut short")
    return struct.unpack_from(f"!{count}I", data, HEADER_SIZE), end


def _extension(data: bytes, start: int) -> tuple[Extension, int]:
    if len(data) < start + 4:
        _refuse("header extension is cut short")
    profile, words = _EXTENSION.unpack_from(data, start)
    end = start + 4 + 4 * words
    if len(data) < end:
        _refuse("header extension is cut short")
    return Extension(profile, data[start + 4 : end]), end


def _extension_bytes(extension: Extension | None) -> bytes:
    if extension is None:
        return b""
    words, rest = divmod(len(extension.data), 4)
    if rest or words > 0xFFFF:
        _refuse("header extension is not a number of words")
    return _EXTENSION.pack(extension.profile, words) + extension.data


def _padding(data: bytes, start: int) -> int:
    # RFC 3550 §5.1: the last byte counts the padding, itself included.
    if not 0 < data[-1] <= len(data) - start:
        _refuse("padding is longer than the payload")
    return data[-1]
