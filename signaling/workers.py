"""The relay workers as the control plane sees them: connections that come back, and the choice of one for a new
call."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from ipc.client import GONE, Client
from ipc.messages import Answer, Command, Refusal
from relay.api import AddBrowserLeg, AddRtpLeg, Answers, DropLeg, Events, GetLegs, GetStatus, Legs, Media, Status
from signaling.placement import DRAINING, Placement

RECONNECT_SECONDS = 0.1
MEASURE_SECONDS = 1.0
log = structlog.get_logger()

OnEvent = Callable[[str, Events], None]
OnPresence = Callable[[str, bool], None]


class Workers:
    """`on_event(worker, event)`; `on_presence(worker, there)` when one comes or is lost, with all that it carried."""

    def __init__(self, sockets: dict[str, Path], on_event: OnEvent, on_presence: OnPresence) -> None:
        self._sockets = sockets
        self._on_event = on_event
        self._on_presence = on_presence
        self._clients: dict[str, Client] = {}
        self._rooms: dict[str, str] = {}
        self._placement = Placement()
        self.statuses: dict[str, Status] = {}
        """As each worker that is there told last."""
        self._keeping: list[asyncio.Task[None]] = []
        self.complete = asyncio.Event()
        """Set while every worker is connected."""

    def start(self) -> None:
        self._keeping = [asyncio.ensure_future(self._keep(name, path)) for name, path in self._sockets.items()]

    async def close(self) -> None:
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        for client in self._clients.values():
            await client.close()

    @property
    def missing(self) -> list[str]:
        """The workers that are not connected."""
        return [name for name in self._sockets if name not in self._clients]

    def place(self, room: str) -> str:
        """The worker with the most to give shall carry this room. Raises Refusal: `gone` when there is none,
        `draining` or `overloaded` when none takes more."""
        worker = self._rooms[room] = self._placement.choose()
        return worker

    async def begin(self, room: str, leg: AddRtpLeg | AddBrowserLeg) -> Media:
        """Places the room and makes its first leg. Raises Refusal, as `place` does or that of the leg."""
        while True:
            worker = self.place(room)
            try:
                return await self.ask(room, leg)
            except Refusal as refusal:
                if refusal.code != DRAINING:
                    raise
                self._placement.drains(worker)  # it has begun to since it was asked last

    def carries(self, room: str) -> bool:
        """The room has a worker."""
        return room in self._rooms

    def forget(self, room: str) -> None:
        worker = self._rooms.pop(room, None)
        if worker is not None:
            self._placement.left(worker)

    def rooms_of(self, worker: str) -> list[str]:
        return [room for room, name in self._rooms.items() if name == worker]

    async def ask(self, room: str, command: Command[Answer]) -> Answer:
        """The answer of the worker that carries the room. Raises Refusal, `gone` when that worker is lost."""
        client = self._clients.get(self._rooms.get(room, ""))
        if client is None:
            raise Refusal(GONE, "the worker that carried this room is lost")
        return await client.ask(command)

    async def _keep(self, name: str, path: Path) -> None:
        while True:
            client = Client(Answers, Events, lambda event: self._on_event(name, event))
            try:
                await client.connect(path)
                await self._drop_strangers(client)
            except (OSError, Refusal):
                await client.close()
                await asyncio.sleep(RECONNECT_SECONDS)  # nobody tells when a socket will be listened on
                continue
            self._clients[name] = client
            self._placement.came(name)
            measuring = asyncio.ensure_future(self._measure(name, client))
            if len(self._clients) == len(self._sockets):
                self.complete.set()
            self._on_presence(name, True)
            try:
                await client.closed.wait()
            finally:
                measuring.cancel()
            del self._clients[name]
            self._placement.lost(name)
            self.statuses.pop(name, None)
            self.complete.clear()
            log.warning("x media worker lost", worker=name, rooms=len(self.rooms_of(name)))
            self._on_presence(name, False)
            await client.close()

    async def _measure(self, name: str, client: Client) -> None:
        while True:
            try:
                status = await client.ask(GetStatus())
            except Refusal:
                return
            self.statuses[name] = status
            self._placement.measured(name, status, asyncio.get_running_loop().time())
            await asyncio.sleep(MEASURE_SECONDS)

    async def _drop_strangers(self, client: Client) -> None:
        """Legs that an earlier control plane left behind have no dialog any more: they end, and so do their taps."""
        inherited: Legs = await client.ask(GetLegs())
        for leg in inherited.legs:
            await client.ask(DropLeg(leg.leg))
