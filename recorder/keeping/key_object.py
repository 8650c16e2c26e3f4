"""The key object of a recording: its data key, wrapped, beside what it opens, so that it can be wrapped anew without a
sound being touched. Pure.

It needs no seal of its own: the wrapping is bound to the owner, and whatever else stands in it opens nothing.
"""

import msgspec

from recorder.errors import Damaged
from recorder.keeping.keys import Owner

VERSION = 1
MAX_SIZE = 8192


class KeyObject(msgspec.Struct, frozen=True):
    version: int
    account: str
    instance: str
    contact: str
    recording: str
    key_id: str
    """Which master key wrapped it."""
    wrapped: bytes

    def owner(self) -> Owner:
        return Owner(self.account, self.instance, self.contact, self.recording)


def encode(owner: Owner, wrapped: bytes, key_id: str) -> bytes:
    return msgspec.json.encode(KeyObject(VERSION, *owner, key_id=key_id, wrapped=wrapped))


def parse(data: bytes) -> KeyObject:
    """Raises Damaged."""
    try:
        found = msgspec.json.decode(data, type=KeyObject)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Damaged("the key object cannot be read") from None
    if found.version != VERSION or len(data) > MAX_SIZE:
        raise Damaged("the key object is none that we know")
    return found
