"""What the objects of a recording are called in a store. Pure."""

import re

from recorder.api import Party
from recorder.errors import BadKey
from recorder.keeping import durable

MANIFEST = ".json"
KEY_OBJECT = ".key"
_MAX_KEY = 1024


def check_key(key: str) -> None:
    """Raises BadKey unless the key is a relative path without tricks."""
    parts = key.split("/")
    if (
        not key.isprintable() or not 0 < len(key.encode()) <= _MAX_KEY or "\\" in key
    ):  # half a surrogate is not printable
        raise BadKey("an object key is printable and has 1 to 1024 bytes")
    if any(part in ("", ".", "..") or len(part.encode()) > 240 or part.endswith(durable.NEW) for part in parts):
        raise BadKey("an object key is relative and has no empty parts and no dots as parts")


def manifest_key(key: str) -> str:
    """Where the manifest of a sound is."""
    return key + MANIFEST


def key_object_key(key: str) -> str:
    """Where the wrapped data key is of a recording whose sound is under this key; of the first format, that of any
    object under it."""
    return key + KEY_OBJECT


def track_key(key: str, party: Party) -> str:
    """Where the sound of one party is."""
    stem, dot, suffix = key.rpartition(".")
    return f"{stem}.{party.role}-{party.index}{dot}{suffix}"


def tracks_prefix(key: str) -> str:
    """What the keys of all tracks beside a sound begin with, and those of its other objects."""
    return key.rpartition(".")[0] + "."


def is_track(name: str, key: str) -> bool:
    """Whether this is a track beside the sound under `key`."""
    suffix = key.rpartition(".")[2]
    return re.fullmatch(rf"{re.escape(tracks_prefix(key))}[a-z]+-\d+\.{re.escape(suffix)}", name) is not None
