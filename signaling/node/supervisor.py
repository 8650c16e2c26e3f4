"""Starts the processes of a node and watches them: who dies or stops beating is replaced, the others are left alone.

Each child has a pipe: R when it does its work, then a byte a second. Silence for three beats: its stacks are dumped
(SIGUSR1), it is killed and started anew. A child that dies young several times in a row is started ever more slowly.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO

import msgspec
import structlog

from ipc.process import HEARTBEAT_FD, HEARTBEAT_SECONDS, READY, SOCKET_FD

MISSED_BEATS = 3
START_SECONDS = 60.0
DUMP_SECONDS = 0.5
YOUNG_SECONDS = 10.0
MAX_PAUSE = 10.0
log = structlog.get_logger()


class Child(msgspec.Struct, frozen=True):
    """A process to be kept alive."""

    name: str
    command: tuple[str, ...]
    """Arguments after the Python interpreter."""
    sockets: dict[str, int] = {}
    """Open sockets that each run of it gets, by name: ipc.process.given_socket."""


class GaveUp(Exception):
    """A child ended before it was ever ready, with a status that says it is of no use to try again."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__(f"{name} ended with status {status}")
        self.status = status


class _Running:
    """One run of a child."""

    def __init__(self, process: asyncio.subprocess.Process, pipe: int) -> None:
        self.process = process
        self.pipe = pipe
        self.began = self.beaten = time.monotonic()
        self.ready = False

    def silent_for(self, now: float) -> float:
        return now - self.beaten


class Supervisor:
    """`on_ready` is called each time that a child does its work (again). `log`: where children log; None: as we do."""

    def __init__(self, children: Sequence[Child], on_ready: Callable[[str], None], log: BinaryIO | None = None) -> None:
        self._children = children
        self._log = log
        self._on_ready = on_ready
        self._running: dict[str, _Running] = {}
        self._leaving = {child.name: asyncio.Event() for child in children}
        """Set when it is a child's turn to end; until then it is watched and replaced, while others drain too."""
        self._ending: _Running | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then the children are drained in reverse order. Raises GaveUp."""
        keepers = [asyncio.ensure_future(self._keep(child)) for child in self._children]
        stopped = asyncio.ensure_future(stop.wait())
        try:
            done, _ = await asyncio.wait([stopped, *keepers], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()
        finally:
            stopped.cancel()
            await self._end()
            await asyncio.gather(stopped, *keepers, return_exceptions=True)

    def pid(self, name: str) -> int | None:
        running = self._running.get(name)
        return running.process.pid if running is not None else None

    async def _keep(self, child: Child) -> None:
        pause, was_ready, leaving = 0.0, False, self._leaving[child.name]
        while not await _set_within(leaving, pause):
            running = await self._spawn(child)
            if leaving.is_set():  # while it was started: `_end` did not see it
                running.process.terminate()
            status = await self._watch(child.name, running)
            lived = time.monotonic() - running.began
            was_ready = was_ready or running.ready
            if leaving.is_set():
                return
            if not was_ready and status > 0:
                raise GaveUp(child.name, status)
            log.warning("! process ended, starting it anew", name=child.name, status=status, lived=round(lived, 1))
            pause = min(MAX_PAUSE, max(0.25, pause * 2)) if lived < YOUNG_SECONDS else 0.0

    async def _spawn(self, child: Child) -> _Running:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        given = {SOCKET_FD.format(name=name): str(fd) for name, fd in child.sockets.items()}
        environment = os.environ | given | {HEARTBEAT_FD: str(writing)}
        passed = (writing, *child.sockets.values())
        process = await asyncio.create_subprocess_exec(
            sys.executable, *child.command, pass_fds=passed, env=environment, process_group=0, stderr=self._log
        )
        os.close(writing)
        running = _Running(process, reading)
        self._running[child.name] = running
        asyncio.get_running_loop().add_reader(reading, self._heard, child.name, running)
        return running

    def _heard(self, name: str, running: _Running) -> None:
        data = os.read(running.pipe, 4096)
        if not data:
            asyncio.get_running_loop().remove_reader(running.pipe)
            return
        running.beaten = time.monotonic()
        if READY in data:
            running.ready = True
            self._on_ready(name)

    async def _watch(self, name: str, running: _Running) -> int:
        waiting, leaving = asyncio.ensure_future(running.process.wait()), self._leaving[name]
        try:
            while not waiting.done():
                await asyncio.wait([waiting], timeout=HEARTBEAT_SECONDS)
                limit = MISSED_BEATS * HEARTBEAT_SECONDS + 0.5 if running.ready else START_SECONDS
                if not waiting.done() and not leaving.is_set() and running.silent_for(time.monotonic()) > limit:
                    await self._put_down(name, running)
            return waiting.result()
        finally:
            asyncio.get_running_loop().remove_reader(running.pipe)
            os.close(running.pipe)

    async def _put_down(self, name: str, running: _Running) -> None:
        log.error("! process does not answer: dumping its stacks, then killing it", name=name)
        running.process.send_signal(signal.SIGUSR1)
        await asyncio.sleep(DUMP_SECONDS)  # the dump is written by the process, which tells nobody when it is done
        if running.process.returncode is None:
            running.process.kill()

    def hurry(self) -> None:
        """Called while stopping: whoever still drains is told a second time, and ends at once."""
        if self._ending is not None and self._ending.process.returncode is None:
            self._ending.process.terminate()

    async def _end(self) -> None:
        """In reverse order of the start: who decides first, then who moves sound, then who keeps it."""
        for child in reversed(self._children):
            self._leaving[child.name].set()
            running = self._running.get(child.name)
            if running is None or running.process.returncode is not None:
                continue
            self._ending = running
            running.process.terminate()
            await running.process.wait()


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set, or becomes so while we wait."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
