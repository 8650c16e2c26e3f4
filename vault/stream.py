"""Sealed streams: AES-256-GCM in 64 KiB segments, in the STREAM construction. Pure.

Each segment has a nonce of its own: a prefix of the stream, the segment's number, and a byte that says whether it is
the last one (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance, 2015, section 7). So a segment cannot be moved, left out, repeated, or taken for the end; and any
range can be opened alone.
"""

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.pii import Pii

SEGMENT = 64 * 1024
TAG = 16
PREFIX = 7
_SEALED = SEGMENT + TAG
_NONCE = struct.Struct("!7sI?")


class StreamDamaged(ValueError):
    """A segment does not belong where it was found, was changed, or the stream ends too early."""


class StreamKey:
    """Seals and opens single segments. A pair of key and prefix seals one stream only; `aad` is bound to each
    segment."""

    def __init__(self, key: Pii[bytes], prefix: bytes, aad: bytes) -> None:
        if len(prefix) != PREFIX:
            raise ValueError(f"a prefix has {PREFIX} bytes")
        self._aead = AESGCM(key.reveal())
        self._prefix = prefix
        self._aad = aad

    def seal(self, number: int, data: bytes, last: bool) -> bytes:
        return self._aead.encrypt(_NONCE.pack(self._prefix, number, last), data, self._aad)

    def open(self, number: int, sealed: bytes, last: bool) -> bytes:
        """Raises StreamDamaged."""
        try:
            return self._aead.decrypt(_NONCE.pack(self._prefix, number, last), sealed, self._aad)
        except (InvalidTag, ValueError, struct.error):
            raise StreamDamaged(f"segment {number} is damaged or misplaced") from None


class Sealer:
    """Seals a stream that comes in pieces of any size."""

    def __init__(self, key: StreamKey) -> None:
        self._key = key
        self._number = 0
        self._held = bytearray()

    def write(self, data: bytes) -> bytes:
        """The segments that are complete now and cannot be the last."""
        self._held += data
        sealed = bytearray()
        while len(self._held) > SEGMENT:
            sealed += self._key.seal(self._number, bytes(self._held[:SEGMENT]), last=False)
            self._number += 1
            del self._held[:SEGMENT]
        return bytes(sealed)

    def finish(self) -> bytes:
        """The last segment. An empty stream has one, too."""
        return self._key.seal(self._number, bytes(self._held), last=True)


def plain_size(sealed: int) -> int:
    """The length of a stream from its sealed length. Raises StreamDamaged when no stream has that length."""
    segments = -(-sealed // _SEALED)
    plain = sealed - segments * TAG
    if (plain <= (segments - 1) * SEGMENT and segments != 1) or plain < 0 or segments == 0:
        raise StreamDamaged(f"no stream has {sealed} bytes")
    return plain


def sealed_range(start: int, length: int, sealed: int) -> tuple[int, int]:
    """Where in a sealed stream of `sealed` bytes lie the segments that hold these bytes: (start, end)."""
    first = start // SEGMENT
    after = max(first + 1, -(-(start + length) // SEGMENT))
    return first * _SEALED, min(after * _SEALED, sealed)


def open_range(key: StreamKey, start: int, length: int, sealed: tuple[bytes, int]) -> bytes:
    """Bytes `start` to `start + length` from the piece that sealed_range named, and the whole stream's sealed length.

    Raises StreamDamaged."""
    piece, total = sealed
    first = start // SEGMENT
    last = -(-total // _SEALED) - 1
    plain = bytearray()
    for index in range(0, len(piece), _SEALED):
        number = first + index // _SEALED
        plain += key.open(number, piece[index : index + _SEALED], last=number == last)
    skip = start - first * SEGMENT
    return bytes(plain[skip : skip + length])
