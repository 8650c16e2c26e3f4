"""The data directory: made with what every process of a node needs, and held by one node at a time."""

import fcntl
import os
from typing import IO

import msgspec

from signaling.errors import FolderError
from signaling.node.places import SOCKET_LIMIT, Places
from vault.keyring import LocalKeyring
from vault.kms import KeyUnavailable
from vault.services import Keys, read_keys


def prepare(places: Places, keys: Keys | None = None) -> IO[str]:
    """Makes what every process needs; the lock is held while the node runs. `keys`: as the configuration says, or as
    the node has written down when it ran last. Raises FolderError."""
    if len(os.fsencode(places.worker(99))) > SOCKET_LIMIT:
        raise FolderError(f"the path of {places.data} is too long for sockets: choose a shorter one with --data")
    try:
        for folder in (places.data, places.run, places.spool, places.store):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = take_lock(places)
    except OSError as error:
        raise FolderError(f"cannot write {places.data}: {error.strerror}; choose another with --data") from None
    if lock is None:
        raise FolderError(f"{places.data} is in use by another telephonist: stop it, or choose --data")
    try:
        secrets = (keys or read_keys(places.keys)).secrets
        LocalKeyring.open(places.keyring, secrets)
    except (KeyUnavailable, OSError, msgspec.MsgspecError) as error:
        raise FolderError(f"the keyring cannot be used: {error}") from None
    return lock


def take_lock(places: Places) -> IO[str] | None:
    """Held by a node as long as it runs, until it is closed; None: another has it. Raises OSError."""
    lock = open(places.run / "lock", "w")  # noqa: SIM115  # held for the life of the process
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock
