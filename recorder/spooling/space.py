"""How much room the spool's disk has: told when it gets scarce, and sound kept out before there is none.

What is held back at the end is for what must still be written when no sound is: journals, the last frame of a
recording, the finished sounds that make room once they are delivered.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import structlog

from recorder.api import Level

LOW_PART, LOW_BYTES = 0.1, 10 << 30
FULL_PART, FULL_BYTES = 0.02, 256 << 20
"""Below the lesser of the two, the disk is low or full."""
EVERY = 1.0
TELL_EVERY = 10.0
"""Seconds between two measurements, and between two that are told though the level is the same."""
log = structlog.get_logger()


class Space(NamedTuple):
    """Bytes."""

    free: int
    total: int


def level_of(space: Space) -> Level:
    if space.free < min(space.total * FULL_PART, FULL_BYTES):
        return "full"
    return "low" if space.free < min(space.total * LOW_PART, LOW_BYTES) else "enough"


def measure(folder: Path) -> Space:
    """Raises OSError."""
    found = os.statvfs(folder)
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


class SpaceWatch:
    """Of the disk that a folder is on. `tell(level, space)` is called on each change, and every TELL_EVERY seconds."""

    def __init__(self, folder: Path, tell: Callable[[Level, Space], None]) -> None:
        self._folder = folder
        self._tell = tell
        self.level: Level = "enough"
        self.space = Space(0, 0)

    def check(self) -> None:
        """Raises OSError when no sound may be written. Waits for no disk; any thread may ask."""
        if level_of(measure(self._folder)) == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def run(self) -> None:
        """Watches until cancelled."""
        loop = asyncio.get_running_loop()
        told = loop.time() - TELL_EVERY
        while True:
            if self.look() or loop.time() - told >= TELL_EVERY:
                told = loop.time()
                self._tell(self.level, self.space)
            await asyncio.sleep(EVERY)

    def look(self) -> bool:
        """Measures; whether the level has changed."""
        try:
            self.space = measure(self._folder)
            level = level_of(self.space)
        except OSError as error:
            log.error("! spool's disk cannot be measured", error=error.strerror)
            return False
        changed, self.level = level != self.level, level
        if changed:
            tell = log.info if level == "enough" else log.warning
            tell("= spool's disk", level=level, free_mb=self.space.free >> 20)
        return changed
