"""A sealed object: what is kept in a store that is not trusted, or in the spool until it is delivered.

    object = magic (5 bytes), length of the header (u32), header (JSON), sealed stream (vault.stream)

The header says whose it is and holds the wrapped data key; each segment is bound to the whole header. The stream's
key is derived from the data key with the header's salt, so an object that is made again has another key. Pure.
"""

import hashlib
import secrets
import struct
from typing import NamedTuple

import msgspec

from recorder.errors import Damaged
from recorder.keys import SALT, Owner, derive
from vault.pii import Pii
from vault.stream import PREFIX, Sealer, StreamKey

MAGIC = b"TELO\x01"
_LENGTH = struct.Struct("!I")
HEAD = 4096
"""A header is not longer than this, magic and length included."""


class Header(msgspec.Struct, frozen=True):
    content: str
    """What it is of the recording: "sound", "manifest", or "track" and the party's index."""
    account: str
    instance: str
    contact: str
    recording: str
    key_id: str
    wrapped: bytes
    salt: bytes

    def owner(self) -> Owner:
        return Owner(self.account, self.instance, self.contact, self.recording)


class Wrapped(NamedTuple):
    """A recording's data key in both its forms."""

    plain: Pii[bytes]
    wrapped: bytes
    key_id: str


def begin(content: str, owner: Owner, key: Wrapped) -> tuple[bytes, Sealer]:
    """The beginning of a new object, and the sealer of its contents."""
    header = Header(content, *owner, key_id=key.key_id, wrapped=key.wrapped, salt=secrets.token_bytes(SALT))
    encoded = msgspec.json.encode(header)
    head = MAGIC + _LENGTH.pack(len(encoded)) + encoded
    if len(head) > HEAD:
        raise ValueError("the names of the owner are too long")
    return head, Sealer(stream_key(header, head, key.plain))


def parse_head(data: bytes) -> tuple[Header, int]:
    """The header and the length of all that precedes the stream, from the first HEAD bytes. Raises Damaged."""
    start = len(MAGIC) + _LENGTH.size
    try:
        (length,) = _LENGTH.unpack_from(data, len(MAGIC))
        if data[: len(MAGIC)] != MAGIC or start + length > min(len(data), HEAD):
            raise Damaged("not a sealed object")
        return msgspec.json.decode(data[start : start + length], type=Header), start + length
    except (struct.error, msgspec.MsgspecError, UnicodeDecodeError):
        raise Damaged("not a sealed object") from None


def stream_key(header: Header, head: bytes, data_key: Pii[bytes]) -> StreamKey:
    """The key of an object's stream; `head` is all that precedes the stream."""
    key = derive(data_key, header.salt, f"object {header.content}")
    return StreamKey(key, header.salt[:PREFIX], hashlib.sha256(head).digest())
