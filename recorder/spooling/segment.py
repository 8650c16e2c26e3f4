"""The format of a spool file, called a segment. Pure.

    segment = header, frame 0, frame 1, …
    header  = magic, version, number of the segment (u32), salt (32 bytes, random)
    frame   = length of what follows (u32), sequence (u64, from 0), AES-256-GCM of (kind (u8), body)

The key of a segment is derived from the recording's data key with the segment's salt, so that a sequence number may be
its nonce: a recording that is opened again begins a new segment, and no key ever meets a nonce twice. AAD is the owner,
the segment and the sequence.

Frame 0 (OPENED) is synced before anything else is written; it and the last frame (CLOSED) say how many frames each
segment had. Together they tell a torn tail, which a crash leaves behind and which was never acknowledged, from a file
that lost or changed what it had.
"""

import enum
import json
import struct
from collections.abc import Iterator
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from recorder.errors import Damaged
from recorder.keeping.keys import SALT, Owner, derive
from vault.pii import Pii

MAGIC = b"TSPL"
VERSION = 1
HEADER = struct.Struct(f"!4sBxxxI{SALT}s")
_LENGTH = struct.Struct("!I")
_SEQUENCE = struct.Struct("!Q")
PREFIX = _LENGTH.size + _SEQUENCE.size
_TAG = 16
MAX_FRAME = 64 * 1024 * 1024
_RESYNC = 64
"""How many lost frames a search for a later intact one bridges."""


class FrameKind(enum.IntEnum):
    OPENED = 0
    RECORDS = 1
    CLOSED = 2


class Frame(NamedTuple):
    sequence: int
    kind: FrameKind
    body: bytes
    offset: int
    """Where in the file it begins."""
    length: int
    """How many bytes of the file it takes."""


Counts = dict[int, int]
"""Segment number -> number of its frames."""


class Segment:
    """Seals and opens the frames of one segment."""

    def __init__(self, data_key: Pii[bytes], owner: Owner, number: int, salt: bytes) -> None:
        self.number = number
        self.header = HEADER.pack(MAGIC, VERSION, number, salt)
        self._aead = AESGCM(derive(data_key, salt, f"spool segment {number}").reveal())
        self._aad = owner.bytes() + _LENGTH.pack(number)

    @classmethod
    def parse(cls, data_key: Pii[bytes], owner: Owner, number: int, data: bytes) -> "Segment":
        """The segment from the beginning of its file. Raises Damaged."""
        if len(data) < HEADER.size:
            raise Damaged(f"segment {number} has no header")
        magic, version, found, salt = HEADER.unpack_from(data)
        if (magic, version, found) != (MAGIC, VERSION, number) or data[5:8] != bytes(3):
            raise Damaged(f"segment {number} has another one's header")
        return cls(data_key, owner, number, salt)

    def seal(self, sequence: int, kind: FrameKind, body: bytes) -> bytes:
        where = _SEQUENCE.pack(sequence)
        sealed = self._aead.encrypt(bytes(4) + where, bytes((kind,)) + body, self._aad + where)
        return _LENGTH.pack(len(where) + len(sealed)) + where + sealed

    def open(self, data: bytes, offset: int, sequence: int) -> Frame | None:
        """The frame at `offset` when it is whole, unchanged, ours and has this sequence number."""
        where = _SEQUENCE.pack(sequence)
        if len(data) < offset + PREFIX + _TAG + 1 or data[offset + _LENGTH.size : offset + PREFIX] != where:
            return None
        (length,) = _LENGTH.unpack_from(data, offset)
        end = offset + _LENGTH.size + length
        if not _SEQUENCE.size + _TAG < length <= MAX_FRAME or end > len(data):
            return None
        try:
            plain = self._aead.decrypt(bytes(4) + where, data[offset + PREFIX : end], self._aad + where)
            return Frame(sequence, FrameKind(plain[0]), plain[1:], offset, end - offset)
        except (InvalidTag, ValueError):
            return None

    def frames(self, data: bytes) -> Iterator[Frame]:
        """The frames of the file up to a torn tail or to its end.

        Raises Damaged, after the frames before the damage, when an intact frame follows a bad one, or frame 0 is
        bad."""
        offset, sequence = HEADER.size, 0
        while frame := self.open(data, offset, sequence):
            yield frame
            offset, sequence = offset + frame.length, sequence + 1
        if (sequence == 0 and _is_whole(data, offset)) or self._is_followed(data, offset, sequence):
            raise Damaged(f"segment {self.number}: frame {sequence} is damaged")

    def _is_followed(self, data: bytes, offset: int, sequence: int) -> bool:
        for later in range(sequence, sequence + _RESYNC):
            wanted = _SEQUENCE.pack(later)
            found = data.find(wanted, offset)
            while found >= 0:
                if found - _LENGTH.size >= offset and self.open(data, found - _LENGTH.size, later):
                    return True
                found = data.find(wanted, found + 1)
        return False


def _is_whole(data: bytes, offset: int) -> bool:
    if len(data) < offset + PREFIX:
        return False
    (length,) = _LENGTH.unpack_from(data, offset)
    return bool(length <= len(data) - offset - _LENGTH.size)


def pack_counts(counts: Counts) -> bytes:
    return json.dumps(sorted(counts.items())).encode()


def unpack_counts(body: bytes) -> Counts:
    return dict(json.loads(body))
