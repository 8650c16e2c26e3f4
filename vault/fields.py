"""Sealed fields: a value under AES-256-GCM that only opens in the place it was sealed for. Pure.

A sealed field is 1 byte of format, 16 of the data key's id, 12 of nonce, then the ciphertext with its tag. The place
and the key's id are the additional data, so that a field moved to another tenant, table, row or column does not open.
"""

import hashlib
import hmac
import secrets
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.pii import Pii

FORMAT = b"\x01"
KEY_ID = 16
NONCE = 12
_CIPHERTEXT = 1 + KEY_ID + NONCE


class FieldDamaged(ValueError):
    """The sealed bytes were cut, changed, moved from another place, or sealed under another key."""


class FieldKey(NamedTuple):
    """A data key and the id by which a sealed field names it."""

    id: bytes
    """16 bytes."""
    plain: Pii[bytes]
    """32 bytes."""


class Place(NamedTuple):
    """Where a field belongs; it opens nowhere else."""

    account: str
    instance: str
    table: str
    row: str
    column: str

    def encode(self) -> bytes:
        """The parts, each after its length, so that no two places are written alike."""
        return _joined(*(part.encode() for part in self))


def seal(key: FieldKey, place: Place, value: Pii[str]) -> bytes:
    """The value as bytes for the database. Two seals of one value differ."""
    head, nonce = FORMAT + key.id, secrets.token_bytes(NONCE)
    sealed = AESGCM(key.plain.reveal()).encrypt(nonce, _text(value), head + place.encode())
    return head + nonce + sealed


def key_of(sealed: bytes) -> bytes:
    """The id of the data key that opens it. Raises FieldDamaged."""
    if len(sealed) < _CIPHERTEXT or not sealed.startswith(FORMAT):
        raise FieldDamaged("not a sealed field")
    return sealed[1 : 1 + KEY_ID]


def unseal(key: FieldKey, place: Place, sealed: bytes) -> Pii[str]:
    """The value. Raises FieldDamaged."""
    head = FORMAT + key_of(sealed)
    nonce, ciphertext = sealed[len(head) : _CIPHERTEXT], sealed[_CIPHERTEXT:]
    try:
        plain = AESGCM(key.plain.reveal()).decrypt(nonce, ciphertext, head + place.encode())
        return Pii(plain.decode("utf-8", "surrogatepass"))
    except (InvalidTag, ValueError):
        raise FieldDamaged("the field does not open here") from None


def blind_index(key: Pii[bytes], column: str, value: Pii[str]) -> bytes:
    """32 bytes, equal for equal values of a column, telling nothing without the instance's key (HMAC-SHA256)."""
    return hmac.digest(key.reveal(), _joined(column.encode(), _text(value)), hashlib.sha256)


def _text(value: Pii[str]) -> bytes:
    """What came off a wire may hold half a surrogate pair; it is kept as it came."""
    return value.reveal().encode("utf-8", "surrogatepass")


def _joined(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4) + part for part in parts)
