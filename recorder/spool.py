"""Phase one: what the taps brought, sealed and appended to the spool.

The loop collects; every FLUSH seconds one thread, shared by all recordings, seals and writes what was collected, and
every SYNC seconds it syncs what was written. Only that thread touches the files of open recordings.
"""

import asyncio
import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from recorder import durable
from recorder.keys import SALT, Owner
from recorder.reading import segment_path
from recorder.segment import Counts, FrameKind, Segment, pack_counts
from recorder.wire import Kind, cut
from vault.pii import Pii

FLUSH = 0.1
SYNC = 0.5
KEPT_BYTES = 4 * 1024 * 1024
"""What is kept in memory of a recording whose own folder cannot be written; its further sound is lost."""
_OWN = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EACCES, errno.EPERM, errno.ELOOP}
"""Errors of one recording's folder; all others are the disk's."""
_SOUND = (Kind.PACKET, Kind.CLOCK)
Result = TypeVar("Result")
log = structlog.get_logger()


class Appender:
    """The writing end of one recording. A write that failed ends its segment; the next one begins another."""

    def __init__(self, folder: Path, data_key: Pii[bytes], owner: Owner, counts: Counts) -> None:
        self._folder = folder
        self._data_key = data_key
        self._owner = owner
        self._counts = dict(counts)
        """Of the segments there are already."""
        self._segment: Segment | None = None
        self._descriptor = -1
        self._dirty = False

    def append(self, body: bytes, kind: FrameKind = FrameKind.RECORDS) -> None:
        """Raises OSError; then nothing of it counts as written."""
        segment = self._segment or self._open()
        try:
            durable.write_all(self._descriptor, segment.seal(self._counts[segment.number], kind, body))
        except OSError:
            self._abandon()
            raise
        self._counts[segment.number] += 1
        self._dirty = True

    def sync(self) -> None:
        """Raises OSError; then the segment is ended."""
        if not self._dirty:
            return
        try:
            os.fdatasync(self._descriptor)
        except OSError:
            self._abandon()
            raise
        self._dirty = False

    def close(self) -> None:
        """The recording is over: says how many frames it has, and syncs. Raises OSError, and may be called again."""
        segment = self._segment or self._open()
        counts = self._counts | {segment.number: self._counts[segment.number] + 1}
        self.append(pack_counts(counts), FrameKind.CLOSED)
        self.sync()
        self._abandon()

    def _open(self) -> Segment:
        number = max(self._counts, default=-1) + 1
        # A fresh salt makes a fresh key, so that a number whose file did not come to be may be used again.
        segment = Segment(self._data_key, self._owner, number, secrets.token_bytes(SALT))
        path = segment_path(self._folder, number)
        try:
            self._descriptor = durable.create(path)
        except FileExistsError:
            self._counts[number] = 0  # a file that nobody vouches for stays as it is
            raise
        self._segment = segment
        try:
            opened = segment.seal(0, FrameKind.OPENED, pack_counts(self._counts))
            durable.write_all(self._descriptor, segment.header + opened)
            os.fsync(self._descriptor)
            durable.sync_folder(self._folder)
        except OSError:
            self._abandon()
            self._discard(number, path)
            raise
        self._counts[number] = 1
        return segment

    def _discard(self, number: int, path: Path) -> None:
        """A full disk is asked again and again: it must not be left a file each time."""
        try:
            path.unlink()
        except OSError:
            self._counts[number] = 0  # the number is not used again

    def _abandon(self) -> None:
        descriptor, self._descriptor, self._segment, self._dirty = self._descriptor, -1, None, False
        with contextlib.suppress(OSError):
            os.close(descriptor)


class Spool:
    """All open recordings, and the thread that writes them."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "spool")
        self._appenders: dict[str, Appender] = {}
        self._pending: dict[str, bytearray] = {}
        self._mark: asyncio.Future[None] | None = None
        self._wake = asyncio.Event()
        self._troubled: dict[str, OSError] = {}
        """Recordings that could not be written the last time, and why."""
        self._unsynced = False
        self.pending_bytes = 0
        self.on_trouble: Callable[[str, str], None] = lambda recording, reason: None
        """Told when a recording cannot be written, and with an empty reason when it can be again."""

    def open(self, recording: str, appender: Appender) -> None:
        self._appenders[recording] = appender

    def append(self, recording: str, record: bytes) -> None:
        """Takes a packed record of an open recording; it is written within FLUSH seconds."""
        self._pending.setdefault(recording, bytearray()).extend(record)
        self.pending_bytes += len(record)
        self._wake.set()

    def written(self) -> "asyncio.Future[None]":
        """Done when all that was appended until now is in its files, but for recordings whose own folder is at fault:
        they do not hold up the others."""
        if self._mark is None:
            self._mark = asyncio.get_running_loop().create_future()
            self._wake.set()
        return self._mark

    async def close(self, recording: str) -> None:
        """Writes what is left of a recording, closes and syncs its file. Raises OSError; it may be called again."""
        await self.written()
        if recording in self._pending:
            raise self._troubled[recording]
        appender = self._appenders[recording]
        await self.in_thread(appender.close)
        del self._appenders[recording]
        self._troubled.pop(recording, None)

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Runs something that waits for the disk where everything else waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def run(self) -> None:
        """Flushes and syncs until cancelled."""
        loop = asyncio.get_running_loop()
        synced = loop.time()
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            if self._unsynced and loop.time() - synced >= SYNC:
                synced, self._unsynced = loop.time(), False
                await self.in_thread(self._sync)
            if self._unsynced:
                loop.call_at(synced + SYNC, self._wake.set)
            await asyncio.sleep(FLUSH)  # what comes meanwhile is one frame

    async def flush(self) -> None:
        """Writes what is pending. What could not be written stays pending, in its order."""
        pending, self._pending = self._pending, {}
        mark, self._mark = self._mark, None
        self._unsynced = self._unsynced or bool(pending)
        failed = await self.in_thread(lambda: self._write(pending))
        for recording, error in failed.items():
            left = pending[recording] + self._pending.get(recording, bytearray())
            self._pending[recording] = _thinned(left) if error.errno in _OWN else left
        self.pending_bytes = sum(map(len, self._pending.values()))
        self._tell(pending, failed)
        if failed:
            self._wake.set()
        if any(error.errno not in _OWN for error in failed.values()):
            self._carry(mark)
        elif mark is not None:
            mark.set_result(None)

    async def shut(self) -> None:
        """Writes and syncs everything; open recordings stay open on disk."""
        await self.flush()
        await self.in_thread(self._sync)
        self._thread.shutdown()

    def _carry(self, mark: "asyncio.Future[None] | None") -> None:
        """Those who wait for a failed flush wait for the next one."""
        if mark is None:
            return
        if self._mark is None:
            self._mark = mark
        else:
            self._mark.add_done_callback(lambda _: mark.set_result(None))

    def _write(self, pending: dict[str, bytearray]) -> dict[str, OSError]:
        failed = {}
        for recording, body in pending.items():
            try:
                self._appenders[recording].append(bytes(body))
            except OSError as error:
                failed[recording] = error
        return failed

    def _sync(self) -> None:
        for recording, appender in list(self._appenders.items()):
            try:
                appender.sync()
            except OSError as error:
                log.error("! spool cannot be synced", recording=recording, error=error.strerror)

    def _tell(self, pending: dict[str, bytearray], failed: dict[str, OSError]) -> None:
        """What changed."""
        for recording in pending:
            error = failed.get(recording)
            before = self._troubled.pop(recording, None)
            if error is not None:
                self._troubled[recording] = error
            if (error and error.errno) != (before and before.errno):
                self.on_trouble(recording, f"it cannot be written: {error.strerror}" if error else "")


def _thinned(body: bytearray) -> bytearray:
    """Too long a body without its sound: who came, went or paused is kept."""
    if len(body) <= KEPT_BYTES:
        return body
    return bytearray(b"".join(record.data for record in cut(bytes(body)) if record.kind not in _SOUND))
