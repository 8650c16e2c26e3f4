"""Sweeps away, now and then, what is kept for too long."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from ipc.faults import told

EVERY = 600.0
"""Seconds: retention is a matter of days."""
log = structlog.get_logger()


class Sweeper:
    """Calls `sweep` once at the start and then every `seconds`; one that fails is called again next time."""

    def __init__(self, sweep: Callable[[], Awaitable[None]], seconds: float = EVERY) -> None:
        self._sweep = sweep
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._sweep()
            except Exception as error:  # the store is away: nothing is lost by waiting
                log.error("! sweep failed", **told(error))
            await asyncio.sleep(self._seconds)
