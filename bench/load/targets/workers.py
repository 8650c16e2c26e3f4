"""Relay workers of ours, driven through relay.api without the rest of the node: the media engine alone."""

import contextlib
import socket
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from bench.call.codecs import CODECS
from bench.call.sdp import Description, parse_sdp
from bench.call.srtp import Cipher, make_crypto
from bench.load.batches import Address
from bench.load.script import Line
from bench.load.targets.own_process import OwnProcess
from bench.load.work import Leg, Work
from ipc.client import Client
from ipc.messages import Refusal
from relay import api

ADDRESS = "127.0.0.1"
TAP = "tap.sock"
FIRST_PORT, PORTS = 30000, 8000


class Workers:
    """`count` workers; a room is on one of them."""

    name = "telephonist"

    def __init__(self, count: int = 1, profile: Path | None = None) -> None:
        self.version = version("telephonist")
        self._count = count
        self._profile = profile
        self._running: list[_Worker] = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Raises RuntimeError when a worker does not start."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tp-load-")))
        try:
            await self._before(folder)
            for number in range(self._count):
                self._running.append(await self._stack.enter_async_context(self._worker(folder, number)))
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
                names = tuple(map(leg_name, legs))
                everybody = api.HearAll(names, names)
                await client.ask(api.SetRoom(str(room), taps=self._taps(legs), groups=(everybody,)), timeout=30.0)
            except Refusal as refusal:
                raise RuntimeError(f"the worker refused a leg: {refusal.code}: {refusal}") from None
        return sorted(lines, key=lambda line: line.leg.number)

    async def disconnect(self, work: Work) -> None:
        for room, legs in work.rooms.items():
            for leg in legs:
                await self._client(room).ask(api.DropLeg(leg_name(leg)))

    async def status(self) -> list[api.Status]:
        """Of each worker."""
        return [await worker.client.ask(api.GetStatus()) for worker in self._running]

    async def discarded(self, leg: str, room: int) -> int:
        """Packets to a leg that its worker refused. Raises KeyError for a leg that is not there."""
        legs = (await self._client(room).ask(api.GetLegs())).legs
        return {report.leg: report.packets_discarded for report in legs}[leg]

    def _worker(self, folder: Path, number: int) -> "_Worker":
        """The first one is the one that is profiled."""
        return _Worker(folder, number, self._profile if number == 0 else None)

    async def _before(self, folder: Path) -> None:
        """What has to be there before the workers: where the recorder would be, they find somebody who listens, and
        has nothing to tell him."""
        listening = self._stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listening.bind(str(folder / TAP))
        listening.listen(self._count)

    def _taps(self, legs: list[Leg]) -> tuple[api.Tap, ...]:
        """Who of a room is recorded."""
        return ()

    def _client(self, room: int) -> Client:
        return self._running[room % self._count].client


class _Worker:
    def __init__(self, folder: Path, number: int, profile: Path | None) -> None:
        first = FIRST_PORT + number * PORTS
        self._control = folder / f"control-{number}.sock"
        arguments = [
            "--worker", f"w{number}", "--control", str(self._control),
            "--tap", str(folder / TAP), "--rtp-ports", f"{first}-{first + PORTS - 1}",
        ]  # fmt: skip
        self._process = OwnProcess("relay", arguments, folder / f"worker-{number}.log", profile)
        self.client = Client(api.Answers, api.Events, lambda event: None)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def __aenter__(self) -> "_Worker":
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._process)
            await self.client.connect(self._control)
            stack.push_async_callback(self.client.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()


async def _add(client: Client, leg: Leg, at: Address) -> Line:
    codec = CODECS[leg.codec]
    ours = make_crypto() if leg.srtp else None
    offer = Description(leg.number + 1, *at, (codec,), (ours,) if ours else ())
    command = api.AddRtpLeg(
        leg_name(leg), str(leg.room), ADDRESS, str(offer), "required" if leg.srtp else "off", (leg.codec,),
        # The offer has no telephone events; else the worker would look for digits in the sound, as no peer does.
        dtmf="events",
    )  # fmt: skip
    answer: Any = parse_sdp((await client.ask(command)).sdp)
    cipher = Cipher.of_sdes(ours, answer.crypto[0]) if ours else None
    return Line(leg, (answer.address, answer.port), codec.payload_type, cipher)


def leg_name(leg: Leg) -> str:
    return f"leg-{leg.number}"
