"""RTCP sender and receiver reports (RFC 3550 §6.4), as much as a test caller sends and reads. Pure."""

import struct
from dataclasses import dataclass

from bench.call.errors import PacketError

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
_HEADER = struct.Struct("!BBHI")
_SENDER = struct.Struct("!IIIII")
_BLOCK = struct.Struct("!IIIIII")
_NTP_OF_UNIX = 2_208_988_800


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What somebody tells of a stream that he receives."""

    ssrc: int
    fraction_lost: int
    """In 256ths, since the last report."""
    lost: int
    """Since the beginning; negative when there were duplicates."""
    highest_sequence: int
    jitter: int
    """In units of the RTP timestamp."""
    last_sender_report: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class SenderInfo:
    unix_time: float
    timestamp: int
    packets: int
    octets: int


def sender_report(ssrc: int, sender: SenderInfo, blocks: tuple[ReportBlock, ...], name: str) -> bytes:
    """A compound packet: SR with the blocks, and SDES with the canonical name."""
    seconds = int(sender.unix_time)
    fraction = int((sender.unix_time - seconds) * (1 << 32))
    info = _SENDER.pack(
        (seconds + _NTP_OF_UNIX) & 0xFFFFFFFF, fraction, sender.timestamp & 0xFFFFFFFF, sender.packets, sender.octets
    )
    body = info + b"".join(_pack_block(block) for block in blocks)
    return _packet(SENDER_REPORT, len(blocks), ssrc, body) + _description(ssrc, name)


def goodbye(ssrc: int) -> bytes:
    return _packet(RECEIVER_REPORT, 0, ssrc, b"") + _packet(GOODBYE, 1, ssrc, b"")


def parse_reports(data: bytes) -> list[ReportBlock]:
    """The report blocks of a compound packet. Raises PacketError."""
    blocks: list[ReportBlock] = []
    while data:
        if len(data) < _HEADER.size or data[0] >> 6 != 2:
            raise PacketError("not RTCP version 2")
        first, kind, words, _ = _HEADER.unpack_from(data)
        end = 4 * (words + 1)
        if end > len(data):
            raise PacketError("RTCP packet is cut")
        if kind in (SENDER_REPORT, RECEIVER_REPORT):
            start = _HEADER.size + (_SENDER.size if kind == SENDER_REPORT else 0)
            blocks += _parse_blocks(data[start:end], first & 0x1F)
        data = data[end:]
    return blocks


def _parse_blocks(body: bytes, count: int) -> list[ReportBlock]:
    if len(body) < count * _BLOCK.size:
        raise PacketError("report blocks are cut")
    return [_parse_block(body, number * _BLOCK.size) for number in range(count)]


def _parse_block(body: bytes, offset: int) -> ReportBlock:
    ssrc, loss, highest, jitter, last, delay = _BLOCK.unpack_from(body, offset)
    lost = loss & 0xFFFFFF
    return ReportBlock(ssrc, loss >> 24, lost - (1 << 24) if lost >> 23 else lost, highest, jitter, last, delay)


def _pack_block(block: ReportBlock) -> bytes:
    lost = max(-(1 << 23), min((1 << 23) - 1, block.lost)) & 0xFFFFFF
    loss = (block.fraction_lost << 24) | lost
    highest = block.highest_sequence & 0xFFFFFFFF
    return _BLOCK.pack(block.ssrc, loss, highest, block.jitter, block.last_sender_report, block.delay)


def _description(ssrc: int, name: str) -> bytes:
    text = name.encode()[:255]
    item = bytes((1, len(text))) + text
    return _packet(SOURCE_DESCRIPTION, 1, ssrc, item + bytes(4 - len(item) % 4))


def _packet(kind: int, count: int, ssrc: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, 1 + len(body) // 4, ssrc) + body
