"""A sealed object: what is kept in a store that is not trusted, or in the spool until it is delivered.

    object = magic (5 bytes), length of the header (u32), header (JSON), sealed stream (vault.stream)

The header says whose it is and which recording's key object has its data key (recorder.keeping.key_object); each
segment is bound to the whole header. The stream's key is derived from the data key with the header's salt, so an object
that is made again has another key. In the first format the header held the wrapped key itself. Pure.
"""

import hashlib
import secrets
import struct
from typing import NamedTuple

import msgspec

from recorder.errors import Damaged
from recorder.keeping.keys import SALT, Owner, derive
from vault.pii import Pii
from vault.stream import PREFIX, Sealer, StreamKey

MAGICS = {1: b"TELO\x01", 2: b"TELO\x02"}
"""By format."""
_MAGIC = 5
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
    salt: bytes
    sound: str = ""
    """Under which key the recording's sound is, and the key object beside it. Empty: the first format."""
    key_id: str = ""
    wrapped: bytes = b""
    """The data key; of the first format alone."""

    def owner(self) -> Owner:
        return Owner(self.account, self.instance, self.contact, self.recording)


class Keyed(NamedTuple):
    """What opens the objects of a recording."""

    plain: Pii[bytes]
    """The data key."""
    sound: str
    """Under which key the sound is kept."""


def begin(content: str, owner: Owner, key: Keyed) -> tuple[bytes, Sealer]:
    """The beginning of a new object, and the sealer of its contents."""
    header = Header(content, *owner, salt=secrets.token_bytes(SALT), sound=key.sound)
    encoded = msgspec.json.encode(header)
    head = MAGICS[2] + _LENGTH.pack(len(encoded)) + encoded
    if len(head) > HEAD:
        raise ValueError("the names of the owner are too long")
    return head, Sealer(stream_key(header, head, key.plain))


def is_sealed(data: bytes) -> bool:
    """Whether this may be the beginning of a sealed object."""
    return data.startswith(tuple(MAGICS.values()))


def parse_head(data: bytes) -> tuple[Header, int]:
    """The header and the length of all that precedes the stream, from the first HEAD bytes. Raises Damaged."""
    magic = data[:_MAGIC]
    start = _MAGIC + _LENGTH.size
    try:
        (length,) = _LENGTH.unpack_from(data, _MAGIC)
        if not is_sealed(magic) or start + length > min(len(data), HEAD):
            raise Damaged("not a sealed object")
        header = msgspec.json.decode(data[start : start + length], type=Header)
    except (struct.error, msgspec.MsgspecError, UnicodeDecodeError):
        raise Damaged("not a sealed object") from None
    first = magic == MAGICS[1]
    if bool(header.wrapped) != first or bool(header.sound) == first or len(header.salt) != SALT:
        raise Damaged("not a sealed object")
    return header, start + length


def stream_key(header: Header, head: bytes, data_key: Pii[bytes]) -> StreamKey:
    """The key of an object's stream; `head` is all that precedes the stream."""
    key = derive(data_key, header.salt, f"object {header.content}")
    return StreamKey(key, header.salt[:PREFIX], hashlib.sha256(head).digest())
