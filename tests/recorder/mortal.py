"""A recorder in this process that dies in the middle of what it does to the disk, at a point that a test chooses.

Each call that changes the disk is a point: a write may come to half of its bytes, a rename or a sync to nothing or to
all. After it the recorder does nothing more, and what it did is there. With a power cut, what was not synced is not.
"""

import asyncio
import contextlib
import os
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from recorder import api
from recorder.delivery import breaker, lane
from recorder.delivery.places import Places
from recorder.finalizing import finalizer
from recorder.finalizing.finalize import finalize
from recorder.finalizing.outcome import Outcome
from recorder.keeping.keys import RecordingKeys
from recorder.service import Recorder
from recorder.spooling import spool
from recorder.spooling.intake import Intake
from recorder.spooling.spool import Spool
from vault.keyring import LocalKeyring, LocalKms
from vault.pii import Pii


class Crash(BaseException):
    """The recorder is dead. Nobody handles it."""


class Disk:
    """Counts what is done below a folder, and ends it when it is told to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, generator: random.Random) -> None:
        self._folder = str(folder)
        self._random = generator
        self._lock = threading.Lock()
        self._left: int | None = None
        self._synced: dict[str, int] = {}
        """Path -> length that was synced."""
        self.dead = False
        self.crashed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._real = {name: getattr(os, name) for name in ("write", "fsync", "fdatasync", "ftruncate", "rename")}
        monkeypatch.setattr(os, "write", self._write)
        monkeypatch.setattr(os, "rename", self._rename)
        for name in ("fsync", "fdatasync"):
            monkeypatch.setattr(os, name, self._syncing(name))
        for name in ("ftruncate", "truncate", "unlink", "link", "mkdir", "rmdir"):
            monkeypatch.setattr(os, name, self._deadly(getattr(os, name)))

    def crash_after(self, points: int | None) -> None:
        """Lives again, and dies at that point; what is left of the life before has ended."""
        self.dead, self._left = False, points
        self.crashed = asyncio.Event()

    def cut_power(self) -> None:
        """What was not synced is lost, or is rubbish."""
        for path in Path(self._folder).rglob("*"):
            if not path.is_file() or path.stat().st_size <= (kept := self._synced.get(str(path), 0)):
                continue
            with path.open("r+b") as file:
                file.truncate(kept)
                file.seek(kept)
                file.write(self._random.randbytes(self._random.choice((0, self._random.randrange(1, 400)))))

    def _is_ours(self, path: Any) -> bool:
        return str(path).startswith(self._folder)

    def _dies_here(self) -> bool:
        """Raises Crash for whoever is dead already."""
        with self._lock:
            if self.dead:
                raise Crash
            if self._left is not None:
                self._left -= 1
                self.dead = self._left <= 0
            return self.dead

    def _die(self) -> None:
        self._loop.call_soon_threadsafe(self.crashed.set)
        raise Crash

    def _write(self, descriptor: int, data: Any) -> int:
        if not self._is_ours(_path(descriptor)):
            return int(self._real["write"](descriptor, data))
        if self._dies_here():
            self._real["write"](descriptor, bytes(data)[: self._random.randrange(len(data) + 1)])
            self._die()
        return int(self._real["write"](descriptor, data))

    def _rename(self, source: Any, target: Any) -> None:
        dies = self._is_ours(target) and self._dies_here()
        if not dies or self._random.random() < 0.5:
            self._real["rename"](source, target)
            self._synced[str(target)] = self._synced.pop(str(source), 0)
        if dies:
            self._die()

    def _syncing(self, name: str) -> Callable[[int], None]:
        def sync(descriptor: int) -> None:
            path = _path(descriptor)
            dies = self._is_ours(path) and self._dies_here()
            if not dies or self._random.random() < 0.5:
                size = os.fstat(descriptor).st_size
                self._real[name](descriptor)
                self._synced[path] = size
            if dies:
                self._die()

        return sync

    def _deadly(self, real: Callable[..., None]) -> Callable[..., None]:
        def work(target: Any, *arguments: Any, **options: Any) -> None:
            path = _path(target) if isinstance(target, int) else target
            dies = self._is_ours(path) and self._dies_here()
            try:
                if not dies or self._random.random() < 0.5:
                    real(target, *arguments, **options)
                    if str(path) in self._synced and os.path.exists(path):
                        self._synced[str(path)] = min(self._synced[str(path)], os.stat(path).st_size)
            finally:
                if dies:
                    self._die()

        return work


def _path(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")


class Life:
    """One life of a recorder, between its start and its death."""

    def __init__(self, folder: Path, keyring: LocalKeyring, store: Path) -> None:
        self._pool = ThreadPoolExecutor(4)
        asyncio.get_running_loop().set_default_executor(self._pool)
        self.spool = Spool()
        places = Places.open(folder, store)
        self.recorder = Recorder(folder, RecordingKeys(LocalKms(keyring)), places, self.spool, self._on_change)
        self.intake = Intake(self.spool, self.recorder)
        self.recorder.on_started(self.intake.started)
        self.changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def begin(self, starts: list[api.Start]) -> None:
        """Finds what is there, and is told what goes on, as by a control plane that connects. Raises Crash."""
        await self.recorder.resume()
        for start in starts:
            await self.recorder.handle(start)

    def deliver(self) -> None:
        """Writes and delivers by itself from now on."""
        self._running = asyncio.create_task(self.spool.run())
        self.recorder.delivery.start()

    async def states(self) -> dict[str, str]:
        return {status.recording: status.state for status in await self._known()}

    async def quarantined(self) -> dict[str, str]:
        """And why."""
        return {status.recording: status.reason for status in await self._known() if status.state == "quarantined"}

    async def _known(self) -> tuple[api.RecordingStatus, ...]:
        known = await self.recorder.handle(api.GetRecordings())
        assert isinstance(known, api.Recordings)
        return known.recordings

    async def end(self) -> None:
        """Waits until nothing of it moves any more."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        with contextlib.suppress(Crash):
            await self.recorder.close()
        for pool in (self.spool._thread, self.spool._syncers, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(4))

    def _on_change(self, _: api.StateChanged) -> None:
        self.changed.set()


def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a recorder in this process do at once what it else waits for, and finalize in a thread."""

    async def finalize_here(folder: Path, data_key: Pii[bytes], *_: Any) -> Outcome:
        return await asyncio.to_thread(finalize, folder, data_key)

    monkeypatch.setattr(finalizer, "run", finalize_here)
    monkeypatch.setattr(spool, "FLUSH", 0.002)
    monkeypatch.setattr(spool, "SYNC", 0.004)
    monkeypatch.setattr(lane, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(breaker, "FIRST_PAUSE", 0.01)
