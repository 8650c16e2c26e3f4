"""Phase two: where finished recordings are kept."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from recorder.delivery.names import check_key
from recorder.delivery.sources import Source
from recorder.errors import KeyTaken, NoSuchObject, StoreFailed
from recorder.keeping import durable

_CHUNK = 1024 * 1024
Result = TypeVar("Result")


class Info(NamedTuple):
    """What a store tells of an object."""

    size: int
    labels: Mapping[str, str] = {}
    """As they were put; a store that keeps none has none."""
    tag: str = ""
    """Another one after every change."""


class ObjectStore(Protocol):
    """Objects by key. Each method raises StoreFailed when it is worth another try, and BadKey."""

    async def put(self, key: str, source: Source, replaces: str = "") -> None:
        """Stores the source under the key, whole or not at all, where there is nothing, or what has the tag
        `replaces`. Raises KeyTaken when there is anything else; OSError and Damaged when the source cannot be read."""
        ...

    async def matches(self, key: str, source: Source) -> bool | None:
        """Whether the store's own checksum of what it has is the source's; None: it has no checksum to tell.

        Raises NoSuchObject; Damaged when the object is not protected as it was asked for."""
        ...

    async def info(self, key: str) -> Info:
        """Raises NoSuchObject."""
        ...

    async def read(self, key: str, start: int, length: int) -> bytes:
        """What there is of this range. Raises NoSuchObject."""
        ...

    async def delete(self, key: str) -> None:
        """Nobody finds it any more. Idempotent."""
        ...

    async def erase(self, key: str) -> None:
        """The same, and the store keeps no earlier version of it either. Idempotent. Raises StoreFailed as long as a
        lock keeps one."""
        ...

    def list_keys(self, prefix: str = "") -> AsyncGenerator[str]:
        """Of all objects whose key begins so, in their order."""
        ...


class DirectoryStore:
    """A directory as a bucket."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, key: str, source: Source, replaces: str = "") -> None:
        await self._run(_put, self._path(key), source, replaces)

    async def matches(self, key: str, source: Source) -> bool | None:
        return None

    async def info(self, key: str) -> Info:
        found = await self._run(self._path(key).stat)
        return Info(found.st_size, tag=_tag(found))

    async def read(self, key: str, start: int, length: int) -> bytes:
        return await self._run(_read, self._path(key), start, length)

    async def delete(self, key: str) -> None:
        with contextlib.suppress(NoSuchObject):
            await self._run(_delete, self._path(key))

    async def erase(self, key: str) -> None:
        await self.delete(key)

    async def list_keys(self, prefix: str = "") -> AsyncGenerator[str]:
        for key in await self._run(_keys, self._root, prefix):
            yield key

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._root / key

    async def _run(self, work: Callable[..., Result], *arguments: object) -> Result:
        try:
            return await asyncio.to_thread(work, *arguments)
        except (FileNotFoundError, NotADirectoryError):
            raise NoSuchObject("nothing is stored under this key") from None
        except OSError as error:
            raise StoreFailed(error.strerror or type(error).__name__) from None


def _put(path: Path, source: Source, replaces: str) -> None:
    durable.make_folder(path.parent)
    temporary = path.with_name(path.name + durable.NEW)
    temporary.unlink(missing_ok=True)
    try:
        descriptor = durable.create(temporary)
        try:
            for start in range(0, source.size, _CHUNK):
                durable.write_all(descriptor, source.read(start, _CHUNK))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not replaces:
            path.hardlink_to(temporary)  # unlike a rename, it leaves alone what is there
            temporary.unlink()
            durable.sync_folder(path.parent)
        elif not path.exists() or _tag(path.stat()) != replaces:
            raise FileExistsError
        else:
            durable.commit(temporary, path)
    except FileExistsError:
        temporary.unlink(missing_ok=True)
        raise KeyTaken("something is stored under the key already") from None
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()  # half an object would take the room of smaller ones on a disk that is full
        raise


def _tag(found: os.stat_result) -> str:
    return f"{found.st_ino}-{found.st_mtime_ns}"


def _keys(root: Path, prefix: str) -> list[str]:
    folder = root / prefix.rpartition("/")[0]
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != durable.NEW)
    keys = (str(path.relative_to(root)) for path in files)
    return sorted(key for key in keys if key.startswith(prefix))


def _read(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


def _delete(path: Path) -> None:
    path.unlink()
    durable.sync_folder(path.parent)
