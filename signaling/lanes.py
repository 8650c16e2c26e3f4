"""Work in order: what belongs to one contact is done one thing after another, and different contacts do not wait
for each other."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from ipc.faults import told

log = structlog.get_logger()
Work = Callable[[], Coroutine[Any, Any, None]]


class Lanes:
    """One lane a key. A fault in one piece of work is logged and does not keep the next from being done."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[None]] = {}

    def add(self, key: str, work: Work) -> None:
        task = asyncio.get_running_loop().create_task(self._after(self._last.get(key), work, key))
        self._last[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    async def empty(self) -> None:
        """Until everything that was added is done."""
        while self._last:
            await asyncio.wait(self._last.values())

    def _forget(self, key: str, done: asyncio.Task[None]) -> None:
        if self._last.get(key) is done:
            del self._last[key]

    async def _after(self, previous: asyncio.Task[None] | None, work: Work, key: str) -> None:
        if previous is not None:
            await asyncio.wait([previous])
        try:
            await work()
        except Exception as error:  # the boundary of one contact: nobody else may suffer for it
            log.error("! work for a contact failed", key=key, **told(error))
