"""A file that is sealed while it is written, and is there whole or not at all."""

import contextlib
import hashlib
import os
from pathlib import Path
from types import TracebackType

from recorder.keeping import durable, envelope
from recorder.keeping.envelope import Keyed
from recorder.keeping.keys import Owner


class SealedFile:
    """What is written within `with` has its name when `commit` returns; without it, it leaves nothing. Raises
    OSError."""

    def __init__(self, path: Path, content: str, owner: Owner, key: Keyed) -> None:
        self._path = path
        self._temporary = path.with_name(path.name + durable.NEW)
        self._digest = hashlib.sha256()
        self._head, self._sealer = envelope.begin(content, owner, key)
        self._descriptor = -1
        self.size = 0
        """Of what was written, before its encryption."""

    def __enter__(self) -> "SealedFile":
        self._temporary.unlink(missing_ok=True)
        self._descriptor = durable.create(self._temporary)
        return self

    def write(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size += len(piece)
        durable.write_all(self._descriptor, self._head + self._sealer.write(piece))
        self._head = b""

    def commit(self) -> str:
        """SHA-256 of what was written, in hexadecimal."""
        durable.write_all(self._descriptor, self._head + self._sealer.finish())
        os.fsync(self._descriptor)
        durable.commit(self._temporary, self._path)
        return self._digest.hexdigest()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        os.close(self._descriptor)
        if kind is not None:
            # Half a sound would take the room that others need on a disk that is full.
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)
