"""Ogg pages (RFC 3533 section 6) of one logical stream. Pure."""

import struct
import zlib
from collections.abc import Sequence

FIRST, LAST = 2, 4
"""Of `flags`: beginning and end of the stream."""
LACES = 255
"""How many segments of 255 bytes a page has at most."""
_HEADER = struct.Struct("<4sBBqIIIB")
_CRC_AT = 22
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def laces(packet: bytes) -> bytes:
    """The lacing values of a packet: 255 for each full segment, then one below that."""
    return b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))


def page(sequence: int, granule: int, packets: Sequence[bytes], flags: int = 0) -> bytes:
    """A page of whole packets, whose laces together must not be more than LACES."""
    table = b"".join(map(laces, packets))
    header = _HEADER.pack(b"OggS", 0, flags, granule, 1, sequence, 0, len(table))
    made = header + table + b"".join(packets)
    return made[:_CRC_AT] + struct.pack("<I", crc(made)) + made[_CRC_AT + 4 :]


def crc(data: bytes) -> int:
    """The checksum of a page: that of zlib with all bits turned round, without its inversions."""
    mirrored = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
