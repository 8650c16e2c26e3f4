"""Relay workers of ours, driven through relay.api without the rest of the node: the media engine alone."""

import asyncio
import contextlib
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.call.codecs import CODECS
from bench.call.sdp import Description, parse_sdp
from bench.call.srtp import Cipher, make_crypto
from bench.load.batches import Address
from bench.load.script import Line
from bench.load.work import Leg, Work
from ipc.client import Client
from ipc.messages import Refusal
from ipc.process import HEARTBEAT_FD, READY
from relay import api

ADDRESS = "127.0.0.1"
FIRST_PORT, PORTS = 30000, 8000
START_SECONDS = 20.0
_STOP_SECONDS = 10.0


class Workers:
    """`count` workers; a room is on one of them."""

    name = "telephonist"

    def __init__(self, count: int = 1) -> None:
        self.version = version("telephonist")
        self._count = count
        self._running: list[_Worker] = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "Workers":
        """Raises RuntimeError when a worker does not start."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tp-load-")))
        try:
            for number in range(self._count):
                ports = (FIRST_PORT + number * PORTS, FIRST_PORT + (number + 1) * PORTS - 1)
                self._running.append(await self._stack.enter_async_context(_Worker(folder, number, ports)))
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self._running]

    def accepts(self, work: Work) -> Work:
        return work

    async def connect(self, work: Work, at: Address) -> list[Line]:
        lines = []
        for room, legs in work.rooms.items():
            client = self._client(room)
            try:
                lines += [await _add(client, leg, at) for leg in legs]
                hearing = tuple(api.Hear(_name(a), _name(b)) for a in legs for b in legs if a is not b)
                await client.ask(api.SetRoom(str(room), hearing), timeout=30.0)
            except Refusal as refusal:
                raise RuntimeError(f"the worker refused a leg: {refusal.code}: {refusal}") from None
        return sorted(lines, key=lambda line: line.leg.number)

    async def disconnect(self, work: Work) -> None:
        for room, legs in work.rooms.items():
            for leg in legs:
                await self._client(room).ask(api.DropLeg(_name(leg)))

    async def status(self) -> list[api.Status]:
        """Of each worker."""
        return [await worker.client.ask(api.GetStatus()) for worker in self._running]

    def _client(self, room: int) -> Client:
        return self._running[room % self._count].client


class _Worker:
    def __init__(self, folder: Path, number: int, ports: tuple[int, int]) -> None:
        self._folder = folder
        self._number = number
        self._ports = ports
        self._process: asyncio.subprocess.Process | None = None
        self.client = Client(api.Answers, api.Events, lambda event: None)

    @property
    def pid(self) -> int:
        assert self._process is not None, "only within `async with`"
        return self._process.pid

    async def __aenter__(self) -> "_Worker":
        reading, writing = os.pipe()
        control = self._folder / f"control-{self._number}.sock"
        log = self._folder / f"worker-{self._number}.log"
        with log.open("wb") as to:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "relay", "--worker", f"w{self._number}", "--control", str(control),
                "--tap", str(self._folder / "tap.sock"), "--rtp-ports", f"{self._ports[0]}-{self._ports[1]}",
                env={**os.environ, HEARTBEAT_FD: str(writing)}, pass_fds=(writing,), stderr=to,
            )  # fmt: skip
        os.close(writing)
        self._heartbeat = os.fdopen(reading, "rb", buffering=0)
        try:
            async with asyncio.timeout(START_SECONDS):
                ready = await asyncio.to_thread(self._heartbeat.read, 1)
            if ready != READY:
                raise RuntimeError(f"a worker did not start: {log.read_text(errors='replace')[-2000:]}")
            await self.client.connect(control)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.client.close()
        await self._end()

    async def _end(self) -> None:
        process = self._process
        assert process is not None
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        self._heartbeat.close()


async def _add(client: Client, leg: Leg, at: Address) -> Line:
    codec = CODECS[leg.codec]
    ours = make_crypto() if leg.srtp else None
    offer = Description(leg.number + 1, *at, (codec,), (ours,) if ours else ())
    command = api.AddRtpLeg(
        _name(leg), str(leg.room), ADDRESS, str(offer), "required" if leg.srtp else "off", (leg.codec,)
    )
    answer: Any = parse_sdp((await client.ask(command)).sdp)
    cipher = Cipher.of_sdes(ours, answer.crypto[0]) if ours else None
    return Line(leg, (answer.address, answer.port), codec.payload_type, cipher)


def _name(leg: Leg) -> str:
    return f"leg-{leg.number}"
