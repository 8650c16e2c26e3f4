"""Phase one: what the taps brought, sealed and appended to the spool.

The loop collects; every FLUSH seconds one thread, shared by all recordings, seals and writes what was collected. Every
SYNC seconds what was written is synced by others, all files at once, so that nobody's sound waits for a sync.
"""

import asyncio
import contextlib
import errno
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from recorder.spooling.appender import Appender, Unsynced
from recorder.wire import Kind, cut

FLUSH = 0.1
SYNC = 0.3
"""With the time that flush and sync take, nothing that was acknowledged is unsynced for longer than half a second."""
SYNCERS = 8
FRAME_BYTES = 256 * 1024
KEPT_BYTES = 4 * 1024 * 1024
"""What is kept in memory of a recording whose own folder cannot be written; its further sound is lost."""
_OWN = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EACCES, errno.EPERM, errno.ELOOP}
"""Errors of one recording's folder; all others are the disk's."""
_SOUND = (Kind.PACKET, Kind.CLOCK)
Result = TypeVar("Result")
log = structlog.get_logger()


class Spool:
    """All open recordings, and the threads that write and sync them. `check_room` raises OSError when the disk is too
    full for sound."""

    def __init__(self, check_room: Callable[[], None] = lambda: None) -> None:
        self._check_room = check_room
        self._thread = ThreadPoolExecutor(1, "spool")
        self._syncers = ThreadPoolExecutor(SYNCERS, "spool-sync")
        self._appenders: dict[str, Appender] = {}
        self._pending: dict[str, bytearray] = {}
        self._mark: asyncio.Future[None] | None = None
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._syncing = asyncio.Lock()
        self._sync_mark: asyncio.Future[None] | None = None
        self._hurried = asyncio.Event()
        self._troubled: dict[str, OSError] = {}
        """Recordings that could not be written the last time, and why."""
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

    def synced(self) -> "asyncio.Future[None]":
        """Done when all that is in its files now has been synced, or could not be; then it is written once more."""
        if self._sync_mark is None:
            self._sync_mark = asyncio.get_running_loop().create_future()
        return self._sync_mark

    def hurry(self) -> None:
        """Somebody waits for the next sync."""
        self._hurried.set()
        self._written.set()

    async def close(self, recording: str) -> None:
        """Writes what is left of a recording, closes and syncs its file. Raises OSError; it may be called again."""
        await self.written()
        if recording in self._pending:
            raise self._troubled[recording]
        async with self._syncing:  # of two who sync a file, only the first is told of an error
            await self.in_thread(self._appenders[recording].close)
            del self._appenders[recording]
        self._troubled.pop(recording, None)

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Runs something that waits for the disk where everything else waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def run(self) -> None:
        """Flushes and syncs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_flushes())
            tasks.create_task(self._run_syncs())

    async def _run_flushes(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            await asyncio.sleep(FLUSH)  # what comes meanwhile is one frame

    async def _run_syncs(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._written.wait()
            self._written.clear()
            due = loop.time() + SYNC
            await self.sync()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._hurried.wait()
            self._hurried.clear()

    async def flush(self) -> None:
        """Writes what is pending. What could not be written stays pending, in its order."""
        pending, self._pending = self._pending, {}
        mark, self._mark = self._mark, None
        failed = await self.in_thread(lambda: self._write(pending))
        for recording, error in failed.items():
            left = pending[recording] + self._pending.get(recording, bytearray())
            self._pending[recording] = _thinned(left) if error.errno in _OWN else left
        self.pending_bytes = sum(map(len, self._pending.values()))
        self._tell(pending, failed)
        if pending:
            self._written.set()
        if failed:
            self._wake.set()
        if any(error.errno not in _OWN for error in failed.values()):
            self._carry(mark)
        elif mark is not None:
            mark.set_result(None)

    async def sync(self) -> None:
        """Syncs what was written until now, all recordings together."""
        async with self._syncing:
            mark, self._sync_mark = self._sync_mark, None
            unsynced = await self.in_thread(self._unsynced)
            loop = asyncio.get_running_loop()
            errors = await asyncio.gather(*(loop.run_in_executor(self._syncers, one.sync) for one in unsynced.values()))
            found = dict(zip(unsynced, errors, strict=True))
            await self.in_thread(lambda: self._settle(unsynced, found))
        if mark is not None:
            mark.set_result(None)
        for recording, error in found.items():
            if error is not None and recording in self._appenders:
                self._note(recording, error)

    async def shut(self) -> None:
        """Writes and syncs everything; open recordings stay open on disk."""
        await self.flush()
        await self.sync()
        self._thread.shutdown()
        self._syncers.shutdown()

    def _carry(self, mark: "asyncio.Future[None] | None") -> None:
        """Those who wait for a failed flush wait for the next one."""
        if mark is None:
            return
        if self._mark is None:
            self._mark = mark
        else:
            self._mark.add_done_callback(lambda _: mark.set_result(None))

    def _write(self, pending: dict[str, bytearray]) -> dict[str, OSError]:
        """Leaves in `pending` what could not be written."""
        failed = {}
        for recording, body in pending.items():
            try:
                for piece in _pieces(body):
                    self._check_room()
                    self._appenders[recording].append(piece)
                    del body[: len(piece)]
            except OSError as error:
                failed[recording] = error
        return failed

    def _unsynced(self) -> dict[str, Unsynced]:
        found = {}
        for recording, appender in tuple(self._appenders.items()):  # the loop opens others meanwhile
            try:
                one = appender.unsynced()
            except OSError as error:  # no descriptor to be had; it is tried again
                log.error("! spool cannot be synced", recording=recording, error=error.strerror)
                continue
            if one is not None:
                found[recording] = one
        return found

    def _settle(self, unsynced: dict[str, Unsynced], errors: dict[str, OSError | None]) -> None:
        for recording, one in unsynced.items():
            if recording in self._appenders:
                self._appenders[recording].settle(one, errors[recording])

    def _tell(self, pending: dict[str, bytearray], failed: dict[str, OSError]) -> None:
        """What changed."""
        for recording in pending:
            self._note(recording, failed.get(recording))

    def _note(self, recording: str, error: OSError | None) -> None:
        before = self._troubled.pop(recording, None)
        if error is not None:
            self._troubled[recording] = error
        if (error and error.errno) != (before and before.errno):
            self.on_trouble(recording, f"it cannot be written: {error.strerror}" if error else "")


def _pieces(body: bytearray) -> list[bytes]:
    """What becomes a frame each: all of it, or, where much had to wait, stretches of whole records."""
    whole = bytes(body)
    if len(whole) <= FRAME_BYTES:
        return [whole]
    cuts, end = [0], 0
    for record in cut(whole):
        if end + len(record.data) - cuts[-1] > FRAME_BYTES:
            cuts.append(end)
        end += len(record.data)
    return [whole[start:stop] for start, stop in itertools.pairwise([*cuts, end])]


def _thinned(body: bytearray) -> bytearray:
    """Too long a body without its sound: who came, went or paused is kept."""
    if len(body) <= KEPT_BYTES:
        return body
    return bytearray(b"".join(record.data for record in cut(bytes(body)) if record.kind not in _SOUND))
