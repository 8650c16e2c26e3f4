"""Recordings that take records, until they are sealed: when all their parties have ended, or nothing more is heard."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import structlog

from recorder.spooling.appender import Appender
from recorder.spooling.recording import Recording
from recorder.spooling.spool import Spool
from recorder.wire import Slice

SEAL_GRACE = 3.0
"""How long a recording waits, once it is to be sealed, for the END of parties of whom nothing more is heard."""
SEAL_LIMIT = 15.0
"""How long it waits at most."""
ORPHAN_SECONDS = 60.0
"""After so long without a control plane, recordings whose parties have ended, or of whom nothing is heard, seal
themselves."""
log = structlog.get_logger()


class OpenRecordings:
    """`on_sealed` is called with each that has been sealed."""

    def __init__(self, spool: Spool, on_sealed: Callable[[Recording], None]) -> None:
        self._spool = spool
        self._on_sealed = on_sealed
        self._open: dict[bytes, Recording] = {}
        self._sealing: dict[str, asyncio.Task[None]] = {}
        self._orphaned: asyncio.TimerHandle | None = None
        self.on_started: Callable[[bytes], None] = lambda _: None
        """Called when a recording takes records from now on."""

    def __contains__(self, recording: bytes) -> bool:
        return recording in self._open

    def add(self, recording: Recording, appender: Appender) -> None:
        """It takes records from now on."""
        self._spool.open(recording.id, appender)
        recording.last_record = asyncio.get_running_loop().time()
        self._open[bytes.fromhex(recording.id)] = recording
        self.on_started(bytes.fromhex(recording.id))

    def see(self, record: Slice) -> None:
        """Follows who is there, and that somebody is."""
        recording = self._open[record.recording]
        recording.last_record = asyncio.get_running_loop().time()
        recording.see(record.kind, record.party)

    def seal(self, recording: Recording) -> None:
        """As soon as it is over."""
        if recording.id not in self._sealing:
            self._sealing[recording.id] = asyncio.create_task(self._seal_when_over(recording))

    def count_clients(self, clients: int) -> None:
        """Told how many control planes are connected."""
        if self._orphaned is not None:
            self._orphaned.cancel()
            self._orphaned = None
        if clients == 0:
            self._orphaned = asyncio.get_running_loop().call_later(ORPHAN_SECONDS, self._seal_orphans)

    async def close(self) -> None:
        """They stay open on the disk."""
        if self._orphaned is not None:
            self._orphaned.cancel()
        tasks = tuple(self._sealing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _seal_when_over(self, recording: Recording) -> None:
        await self._wait_for_end(recording)
        del self._open[bytes.fromhex(recording.id)]
        await _until_written(lambda: self._spool.close(recording.id))
        await _until_written(lambda: self._spool.in_thread(lambda: recording.reach("sealed")))
        self._on_sealed(recording)
        del self._sealing[recording.id]

    async def _wait_for_end(self, recording: Recording) -> None:
        """Until all parties have ended; or nothing was heard for SEAL_GRACE, their worker being gone; or SEAL_LIMIT
        is over."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + SEAL_LIMIT
        asked = loop.time()
        while not recording.over.is_set():
            deadline = min(limit, max(asked, recording.last_record) + SEAL_GRACE)
            if loop.time() >= deadline:
                log.warning("= sealed without an end", recording=recording.id, parties=len(recording.live))
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await recording.over.wait()

    def _seal_orphans(self) -> None:
        loop = asyncio.get_running_loop()
        self._orphaned = loop.call_later(ORPHAN_SECONDS, self._seal_orphans)
        for recording in tuple(self._open.values()):
            if recording.over.is_set() or recording.last_record < loop.time() - ORPHAN_SECONDS:
                log.warning("= orphan sealed", recording=recording.id)
                self.seal(recording)


async def _until_written(work: Callable[[], Any]) -> None:
    """Tries until the disk takes it: a recording is not given up because a disk is full."""
    while True:
        try:
            await work()
            return
        except OSError as error:
            log.error("! spool cannot be written", error=error.strerror)
            await asyncio.sleep(1.0)
