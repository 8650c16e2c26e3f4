"""A process of ours, started alone: it says that it is ready on a pipe, and ends when it is asked to."""

import asyncio
import os
import sys
from pathlib import Path

from bench.load.targets.ending import end
from ipc.process import HEARTBEAT_FD, wait_until_ready

START_SECONDS = 20.0


class OwnProcess:
    """`async with OwnProcess("relay", arguments, log)`. With `profile`, its functions are timed into that file, which
    costs time itself."""

    def __init__(self, module: str, arguments: list[str], log: Path, profile: Path | None = None) -> None:
        self._module = module
        self._arguments = arguments
        self._log = log
        self._under = [] if profile is None else ["-m", "cProfile", "-o", str(profile)]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "only within `async with`"
        return self._process.pid

    async def __aenter__(self) -> "OwnProcess":
        """Raises RuntimeError with its log when it does not start."""
        reading, writing = os.pipe()
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._under, "-m", self._module, *self._arguments,
                env={**os.environ, HEARTBEAT_FD: str(writing)}, pass_fds=(writing,), stderr=log,
            )  # fmt: skip
        os.close(writing)
        self._heartbeat = os.fdopen(reading, "rb", buffering=0)
        try:
            async with asyncio.timeout(START_SECONDS):
                ready = await asyncio.to_thread(wait_until_ready, self._heartbeat.fileno())
            if not ready:
                raise RuntimeError(f"{self._module} did not start: {self._log.read_text(errors='replace')[-2000:]}")
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._end()

    async def _end(self) -> None:
        assert self._process is not None
        await end(self._process)
        self._heartbeat.close()
