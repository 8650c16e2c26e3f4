"""Phase two: where finished recordings are kept."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from recorder import durable
from recorder.api import Party
from recorder.errors import BadKey, NoSuchObject, StoreFailed

MANIFEST = ".json"
_MAX_KEY = 1024
Result = TypeVar("Result")


def check_key(key: str) -> None:
    """Raises BadKey unless the key is a relative path without tricks."""
    parts = key.split("/")
    if not key or len(key.encode()) > _MAX_KEY or not key.isprintable() or "\\" in key:
        raise BadKey("an object key is printable and has 1 to 1024 bytes")
    if any(part in ("", ".", "..") or len(part.encode()) > 240 or part.endswith(durable.NEW) for part in parts):
        raise BadKey("an object key is relative and has no empty parts and no dots as parts")


def manifest_key(key: str) -> str:
    """Where the manifest of a sound is."""
    return key + MANIFEST


def track_key(key: str, party: Party) -> str:
    """Where the sound of one party is."""
    stem, dot, suffix = key.rpartition(".")
    return f"{stem}.{party.role}-{party.index}{dot}{suffix}"


class ObjectStore(Protocol):
    """Objects by key. Each method raises StoreFailed when it is worth another try, and BadKey."""

    async def put(self, key: str, source: Path) -> None:
        """Stores the file under the key, whole or not at all; what was there before is replaced."""
        ...

    async def size(self, key: str) -> int:
        """Raises NoSuchObject."""
        ...

    async def read(self, key: str, start: int, length: int) -> bytes:
        """What there is of this range. Raises NoSuchObject."""
        ...

    async def delete(self, key: str) -> None:
        """Idempotent."""
        ...


class DirectoryStore:
    """A directory as a bucket."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, key: str, source: Path) -> None:
        await self._run(self._put, self._path(key), source)

    async def size(self, key: str) -> int:
        path = self._path(key)
        return await self._run(lambda: path.stat().st_size)

    async def read(self, key: str, start: int, length: int) -> bytes:
        return await self._run(_read, self._path(key), start, length)

    async def delete(self, key: str) -> None:
        with contextlib.suppress(NoSuchObject):
            await self._run(_delete, self._path(key))

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._root / key

    def _put(self, path: Path, source: Path) -> None:
        durable.make_folder(path.parent)
        temporary = path.with_name(path.name + durable.NEW)
        temporary.unlink(missing_ok=True)
        descriptor = durable.create(temporary)
        try:
            with os.fdopen(descriptor, "wb") as target, source.open("rb") as content:
                shutil.copyfileobj(content, target, 1024 * 1024)
                target.flush()
                os.fsync(target.fileno())
            durable.commit(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()  # half an object would take the room of smaller ones on a disk that is full
            raise

    async def _run(self, work: Callable[..., Result], *arguments: object) -> Result:
        try:
            return await asyncio.to_thread(work, *arguments)
        except (FileNotFoundError, NotADirectoryError):
            raise NoSuchObject("nothing is stored under this key") from None
        except OSError as error:
            raise StoreFailed(error.strerror or type(error).__name__) from None


def _read(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


def _delete(path: Path) -> None:
    path.unlink()
    durable.sync_folder(path.parent)
