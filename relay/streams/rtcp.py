"""RTCP (RFC 3550 section 6): sender and receiver reports, names, goodbye; parse and compose compounds. Pure."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from relay.errors import RtcpError

SR, RR, SDES, BYE = 200, 201, 202, 203
_TYPES = range(192, 224)  # RFC 5761 section 4
INTERVAL_SECONDS = 5.0
"""RFC 3550 section 6.2: the recommended least interval; the bandwidth of two members allows it."""
_NTP_EPOCH = 2_208_988_800
_HEADER = struct.Struct("!BBH")
_SENDER = struct.Struct("!QIII")
_BLOCK = struct.Struct("!IIIIII")
_MAX_BLOCKS = 31
_MOST = 0xFFFFFFFF


@dataclass(frozen=True)
class ReceptionReport:
    """How one source is received by the packet's sender (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction_lost: int = 0
    """In 256ths, since the report before."""
    packets_lost: int = 0
    """From the beginning; may be negative, by duplicates."""
    highest_sequence: int = 0
    """Extended to 32 bits."""
    jitter: int = 0
    """In units of the RTP clock."""
    last_sr: int = 0
    """The middle 32 bits of the last sender report's NTP time; 0 when none came."""
    delay_since_last_sr: int = 0
    """In 65536ths of a second."""

    @classmethod
    def parse(cls, data: bytes, start: int) -> "ReceptionReport":
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(data, start)
        lost = (loss & 0xFFFFFF) - ((loss & 0x800000) << 1)
        return cls(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay)

    def serialize(self) -> bytes:
        lost = max(-0x800000, min(0x7FFFFF, self.packets_lost)) & 0xFFFFFF
        loss = self.fraction_lost << 24 | lost
        jitter, delay = min(self.jitter, _MOST), min(self.delay_since_last_sr, _MOST)
        return _BLOCK.pack(self.ssrc, loss, self.highest_sequence & _MOST, jitter, self.last_sr, delay)


@dataclass(frozen=True)
class SenderInfo:
    ntp: int
    """64 bits: seconds since 1900 and their 2**32nd parts."""
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True)
class Report:
    """A sender report when `sender` is there, else a receiver report."""

    ssrc: int
    sender: SenderInfo | None = None
    blocks: tuple[ReceptionReport, ...] = ()

    def serialize(self) -> bytes:
        info = b""
        if self.sender is not None:
            said = self.sender
            info = _SENDER.pack(said.ntp, said.timestamp & 0xFFFFFFFF, said.packets & 0xFFFFFFFF,
                                said.octets & 0xFFFFFFFF)  # fmt: skip
        body = struct.pack("!I", self.ssrc) + info + b"".join(block.serialize() for block in self.blocks)
        return _packet(SR if self.sender is not None else RR, len(self.blocks), body)


@dataclass(frozen=True)
class Goodbye:
    sources: tuple[int, ...]

    def serialize(self) -> bytes:
        return _packet(BYE, len(self.sources), struct.pack(f"!{len(self.sources)}I", *self.sources))


@dataclass(frozen=True)
class Description:
    """One source's canonical name."""

    ssrc: int
    cname: str

    def serialize(self) -> bytes:
        name = self.cname.encode()[:255]
        items = struct.pack("!IBB", self.ssrc, 1, len(name)) + name + b"\0"
        return _packet(SDES, 1, items + bytes(-len(items) % 4))


RtcpPacket = Report | Goodbye


def parse(data: bytes) -> tuple[RtcpPacket, ...]:
    """The reports and goodbyes of a compound; other well-formed packets are skipped. Raises RtcpError.

    A compound may begin with any type: reduced size (RFC 5506) is what browsers send."""
    packets = [packet for kind, count, body in _split(data) if (packet := _read(kind, count, body)) is not None]
    return tuple(packets)


def ntp_time(unix_seconds: float) -> int:
    """Unix time as 64 bits of NTP (RFC 3550 section 4)."""
    return int((unix_seconds + _NTP_EPOCH) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def middle(ntp: int) -> int:
    """The middle 32 bits, as reports quote a sender report's time."""
    return ntp >> 16 & 0xFFFFFFFF


def _split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    if not data:
        raise RtcpError("empty")
    position = 0
    while position < len(data):
        if position + _HEADER.size > len(data):
            raise RtcpError("header is cut")
        first, kind, words = _HEADER.unpack_from(data, position)
        start, position = position + _HEADER.size, position + _HEADER.size + 4 * words
        if first >> 6 != 2 or kind not in _TYPES or position > len(data):
            raise RtcpError("not an RTCP header, or its packet is cut")
        yield kind, first & 0x1F, _unpadded(data[start:position], bool(first & 0x20))


def _unpadded(body: bytes, padded: bool) -> bytes:
    if not padded:
        return body
    if not body or not 0 < body[-1] <= len(body):
        raise RtcpError("padding is longer than the packet")
    return body[: -body[-1]]


def _read(kind: int, count: int, body: bytes) -> RtcpPacket | None:
    if kind in (SR, RR):
        return _read_report(kind, count, body)
    if kind == BYE:
        if len(body) < 4 * count:
            raise RtcpError("goodbye is cut")
        return Goodbye(struct.unpack_from(f"!{count}I", body))
    return None


def _read_report(kind: int, count: int, body: bytes) -> Report:
    start = 4 + (_SENDER.size if kind == SR else 0)
    if len(body) < start + count * _BLOCK.size:
        raise RtcpError("report is cut")
    sender = SenderInfo(*_SENDER.unpack_from(body, 4)) if kind == SR else None
    blocks = tuple(ReceptionReport.parse(body, start + number * _BLOCK.size) for number in range(count))
    return Report(int.from_bytes(body[:4]), sender, blocks)


def _packet(kind: int, count: int, body: bytes) -> bytes:
    if count > _MAX_BLOCKS or len(body) % 4:
        raise AssertionError("an RTCP packet of ours has at most 31 blocks and whole words")
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body
