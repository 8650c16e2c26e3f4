"""RTP packets (RFC 3550 §5.1). Pure."""

import struct
from dataclasses import dataclass

from bench.call.errors import PacketError

_FIXED = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
_HALF_16 = 1 << 15
_HALF_32 = 1 << 31


@dataclass(frozen=True, slots=True)
class RtpPacket:
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def __bytes__(self) -> bytes:
        second = (self.marker << 7) | self.payload_type
        head = _FIXED.pack(0x80, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        return head + self.payload


def parse_rtp(data: bytes) -> RtpPacket:
    """The packet in a datagram. Raises PacketError."""
    if len(data) < _FIXED.size or data[0] >> 6 != 2:
        raise PacketError("not RTP version 2")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    start = _header_size(data, first)
    end = len(data) - _padding(data, first)
    if start > end:
        raise PacketError("header or padding longer than the packet")
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[start:end], bool(second >> 7))


def _header_size(data: bytes, first: int) -> int:
    size = _FIXED.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < size + _EXTENSION.size:
            raise PacketError("header extension is cut")
        _, words = _EXTENSION.unpack_from(data, size)
        size += _EXTENSION.size + 4 * int(words)
    return size


def _padding(data: bytes, first: int) -> int:
    if not first & 0x20:
        return 0
    if data[-1] == 0:
        raise PacketError("padding of no length")
    return data[-1]


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram on a multiplexed port is RTCP (RFC 5761 §4)."""
    return len(data) >= 8 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def extend(value: int, reference: int, bits: int) -> int:
    """The unwrapped number nearest to `reference` whose low `bits` are `value`."""
    half = _HALF_16 if bits == 16 else _HALF_32
    mask = (1 << bits) - 1
    return reference + ((value - reference + half) & mask) - half
