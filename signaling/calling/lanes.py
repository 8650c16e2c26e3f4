"""Work in order: what belongs to one contact is done one thing after another, and different contacts do not wait
for each other."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from ipc.faults import told

log = structlog.get_logger()
Work = Callable[[], Coroutine[Any, Any, None]]


class Lanes:
    """One lane a key. A fault in one piece of work is logged and does not keep the next from being done."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, key: str, work: Work) -> None:
        if key in self._lanes:
            self._lanes[key].append(work)
            return
        self._lanes[key] = deque((work,))
        task = asyncio.get_running_loop().create_task(self._run(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def empty(self) -> None:
        """Until everything that was added is done."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, key: str) -> None:
        lane = self._lanes[key]
        try:
            while lane:
                await self._do(lane.popleft(), key)
        finally:
            del self._lanes[key]

    async def _do(self, work: Work, key: str) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            log.error("! work for a contact was cancelled", key=key)
        except Exception as error:  # the boundary of one contact: nobody else may suffer for it
            log.error("! work for a contact failed", key=key, **told(error))
