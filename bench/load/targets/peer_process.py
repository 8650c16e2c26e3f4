"""A peer's server process: started on the loopback interface with a log of its own, ended by its id."""

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.load.targets.ending import end

START_SECONDS = 20.0
_RETRY_SECONDS = 0.05


class PeerProcess:
    def __init__(self, command: list[str], log: Path) -> None:
        self._command = command
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "only after start"
        return self._process.pid

    async def start(self, answers: Callable[[], Awaitable[object]]) -> None:
        """Waits until `answers` returns without OSError. Raises RuntimeError when that does not come to be."""
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self._log.parent,  # what it leaves when it breaks goes with its log
            )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await self._answers(answers):
                    await asyncio.sleep(_RETRY_SECONDS)  # a foreign server does not tell when it is ready
        except TimeoutError:
            raise await self._failure("does not answer") from None

    async def end(self) -> None:
        if self._process is not None:
            await end(self._process)

    async def _answers(self, answers: Callable[[], Awaitable[object]]) -> bool:
        if self._process is not None and self._process.returncode is not None:
            raise await self._failure("ended")
        try:
            await answers()
        except OSError:
            return False
        return True

    async def _failure(self, what: str) -> RuntimeError:
        await self.end()
        return RuntimeError(f"{self._command[0]} {what}: {self._log.read_text(errors='replace')[-1000:]}")


def require(program: str) -> str:
    """Where it is. Raises RuntimeError when it is not installed."""
    found = shutil.which(program)
    if found is None:
        raise RuntimeError(f"{program} is not installed: run scripts/install bench")
    return found


def free_port(kind: socket.SocketKind) -> int:
    """A port of the loopback interface that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def printed(*command: str) -> str:
    """What a program writes, on either channel."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return output.decode(errors="replace")
