"""What is put into a store: a sealed file of the spool, as it is or opened."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from recorder.errors import Damaged
from recorder.keeping.envelope import HEAD, parse_head, stream_key
from vault.pii import Pii
from vault.stream import StreamDamaged, open_range, plain_size, sealed_range

_CHUNK = 1024 * 1024


class Source(Protocol):
    """Bytes of a known length that may be read again and again."""

    @property
    def size(self) -> int: ...

    @property
    def labels(self) -> Mapping[str, str]:
        """What a store that keeps labels tells of the object; nothing personal."""
        ...

    def read(self, start: int, length: int) -> bytes:
        """What there is of this range. Waits for the disk. Raises OSError, Damaged."""
        ...


class SealedSource:
    """The file as it is. Raises OSError."""

    def __init__(self, path: Path, labels: Mapping[str, str] | None = None) -> None:
        self._path = path
        self.size = path.stat().st_size
        self.labels: Mapping[str, str] = labels or {}

    def read(self, start: int, length: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(length)


class HeldSource:
    """What is in memory."""

    def __init__(self, data: bytes, labels: Mapping[str, str]) -> None:
        self._data = data
        self.size = len(data)
        self.labels = labels

    def read(self, start: int, length: int) -> bytes:
        return self._data[start : start + length]


class OpenedSource:
    """The contents of a sealed file: nothing but the piece that is asked for is in clear. Raises OSError, Damaged."""

    def __init__(self, path: Path, data_key: Pii[bytes], labels: Mapping[str, str]) -> None:
        self._file = SealedSource(path)
        head = self._file.read(0, HEAD)
        header, self._begin = parse_head(head)
        self._key = stream_key(header, head[: self._begin], data_key)
        self._sealed = self._file.size - self._begin
        self.labels = labels
        try:
            self.size = plain_size(self._sealed)
        except StreamDamaged as error:
            raise Damaged(str(error)) from None

    def read(self, start: int, length: int) -> bytes:
        length = min(length, self.size - start)
        if length <= 0:
            return b""
        first, end = sealed_range(start, length, self._sealed)
        piece = self._file.read(self._begin + first, end - first)
        try:
            return open_range(self._key, start, length, (piece, self._sealed))
        except StreamDamaged as error:
            raise Damaged(str(error)) from None


def sha256(source: Source, start: int, length: int) -> bytes:
    """Of a range of it. Waits for the disk. Raises as `read`."""
    digest = hashlib.sha256()
    for at in range(start, start + length, _CHUNK):
        digest.update(source.read(at, min(_CHUNK, start + length - at)))
    return digest.digest()
