"""One process at a time has a data folder: of two on one spool, each takes what the other writes for damage."""

import asyncio
import contextlib
import fcntl
import os
from pathlib import Path

import structlog

RETRY_SECONDS = 0.1
log = structlog.get_logger()


class FolderLock:
    """Held until `close`, or until the process ends, however it does. The folder itself is locked: that writes nothing,
    so it can be had on a disk that is full."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    async def take(self, stop: asyncio.Event) -> bool:
        """Waits for whoever has it: one whose supervisor was killed needs a moment to end. False: stopped meanwhile."""
        told = False
        while not self._try():
            if not told:
                log.warning("! another process has this spool: waiting for its end")
                told = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):  # a lock does not tell when it is free
                    await stop.wait()
            if stop.is_set():
                return False
        return True

    def close(self) -> None:
        os.close(self._descriptor)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:  # some file systems of the network cannot lock
            log.warning("! the spool cannot be locked", error=error.strerror)
        return True
