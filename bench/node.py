"""A node of its own for a measurement: `telephonist serve` on free ports, with a data directory that goes with it."""

import asyncio
import json
import os
import secrets
import signal
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

START_SECONDS = 60.0
STOP_SECONDS = 15.0
PORTS_A_CALL = 4
READY = b"ready"


@dataclass(frozen=True)
class Addresses:
    """What the node says that it listens on."""

    host: str
    http: int
    softphone: int
    sip: int
    sip_tls: int


class Node:
    """`async with Node(folder, instance, calls) as node`; `instance` as `telephonist apply` takes it."""

    def __init__(self, folder: Path, instance: dict[str, Any], calls: int) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._instance = instance
        self._calls = calls
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Node":
        """Raises RuntimeError when it does not start; its log has the reason."""
        instance, config = self._folder / "instance.json", self._folder / "telephonist.toml"
        instance.write_text(json.dumps(self._instance))
        config.write_text(self._configuration())
        await self._run("apply", str(instance), "--data", str(self._data))
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_command("serve", "--config", str(config), "--data", str(self._data)),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        await self._wait_until_ready()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    @property
    def log(self) -> Path:
        return self._folder / "node.log"

    @property
    def pid(self) -> int:
        assert self._process is not None, "only within `async with`"
        return self._process.pid

    @property
    def addresses(self) -> Addresses:
        told = json.loads((self._data / "run" / "addresses.json").read_bytes())
        return Addresses(**{name: told[name] for name in Addresses.__dataclass_fields__})

    def _configuration(self) -> str:
        first = 20000 + 2 * secrets.randbelow(5000)
        last = first + PORTS_A_CALL * self._calls + 63
        ports = f"http = 0\nsoftphone = 0\nsip = 0\nsip_tls = 0\nice = 0\nrtp = [{first}, {last}]\n"
        return f'[server]\naddress = "127.0.0.1"\nlog_level = "warning"\n[ports]\n{ports}'

    async def _run(self, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *_command(*arguments), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        _, complaint = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"telephonist {arguments[0]} failed: {complaint.decode(errors='replace')[-2000:]}")

    async def _wait_until_ready(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                while line := await self._process.stdout.readline():
                    if READY in line:
                        self._reading = asyncio.create_task(_swallow(self._process.stdout))
                        return
        except TimeoutError:
            await self._stop()
        raise RuntimeError(f"the node did not start: {self.log.read_text(errors='replace')[-2000:]}")

    async def _stop(self) -> None:
        """As Ctrl-C twice would; what then still runs is ended by its process group."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if self._reading is not None:
            await self._reading


def unverified() -> ssl.SSLContext:
    """For the node's self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "signaling.commands.cli", *arguments)


async def _swallow(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        continue
