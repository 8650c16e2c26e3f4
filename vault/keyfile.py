"""The keyring's file: every version of every master key, each shut as its protection says.

It is replaced in one step, under a lock, so that several processes may change it; what reads it needs no lock."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from vault.kms import KeyUnavailable
from vault.protection import Protection, check_private

FORMAT = 2


class Kept(msgspec.Struct, frozen=True):
    """A version of a master key, as it stands in the file."""

    name: str
    """Whose it is: account and instance. Empty: the one key that the whole node had once."""
    version: int
    id: str
    """Hexadecimal; what a wrapped key begins with."""
    created: float = 0.0
    """Unix seconds; 0: not known."""
    key: bytes = b""
    destroyed: float = 0.0
    """When its key was destroyed; then it has none."""
    reason: str = ""

    @property
    def label(self) -> bytes:
        """What is bound to the key where it is shut."""
        return f"{self.version} {self.id} {self.name}".encode()


class Ring(msgspec.Struct, frozen=True):
    format: int = FORMAT
    protection: Protection = Protection()
    keys: tuple[Kept, ...] = ()


class _First(msgspec.Struct, frozen=True):
    """The first format: one name, no protection."""

    active: str
    keys: dict[str, bytes]


def read(path: Path) -> Ring:
    """Raises KeyUnavailable for what others may read or what is no keyring, OSError."""
    check_private(path)
    data = path.read_bytes()
    try:
        ring = msgspec.json.decode(data, type=Ring) if b'"format"' in data else _from_first(data)
        for kept in ring.keys:
            bytes.fromhex(kept.id)
    except (msgspec.MsgspecError, ValueError) as error:
        raise KeyUnavailable(f"{path} is not a keyring: {type(error).__name__}") from None
    if ring.format != FORMAT:
        raise KeyUnavailable(f"{path} was written by a later version of the product")
    return ring


def write(path: Path, ring: Ring) -> None:
    """Raises OSError."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(ring), indent=1))
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def change(path: Path, work: Callable[[Ring], Ring]) -> None:
    """Replaces the keyring by what `work` makes of it, one process at a time. Raises as `read`, and OSError."""
    with locked(path):
        write(path, work(read(path)))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else changes the keyring meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _from_first(data: bytes) -> Ring:
    first = msgspec.json.decode(data, type=_First)
    if first.active not in first.keys:
        raise ValueError("no active key")
    older = [id for id in first.keys if id != first.active]
    keys = (Kept("", version, id, key=first.keys[id]) for version, id in enumerate((*older, first.active), 1))
    return Ring(keys=tuple(keys))
