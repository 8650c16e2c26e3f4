"""A ZIP archive that is sent while it is made: nothing is kept but the piece at hand. Pure.

Sizes and checksums follow each file's data (APPNOTE 6.3.10, 4.3.9), with 64-bit sizes, since nobody knows them before.
"""

import io
import zipfile
from collections.abc import AsyncIterator
from typing import IO, cast


class _Sink(io.RawIOBase):
    """Takes what zipfile writes, and has no way back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(cast(bytes, data))
        self._held += view
        return len(view)

    def take(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        return taken


class ZipStream:
    """Files one after another, stored as they are: sound hardly shrinks."""

    def __init__(self, at: tuple[int, int, int, int, int, int]) -> None:
        self._sink = _Sink()
        self._archive = zipfile.ZipFile(cast(IO[bytes], self._sink), "w", zipfile.ZIP_STORED)
        self._at = at

    async def add(self, name: str, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What is to be sent for one more file. An error of `content` leaves an archive that no reader takes for
        whole."""
        entry = zipfile.ZipInfo(name, self._at)
        entry.external_attr = 0o600 << 16
        writer = self._archive.open(entry, "w", force_zip64=True)
        async for piece in content:
            writer.write(piece)
            yield self._sink.take()
        writer.close()
        yield self._sink.take()

    def finish(self) -> bytes:
        """The directory, which makes it whole."""
        self._archive.close()
        return self._sink.take()
