"""The relay workers as the control plane sees them: connections that come back, and the choice of one for a new
call."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from ipc.client import GONE, Client
from ipc.messages import Answer, Command, Refusal
from relay.api import AddBrowserLeg, AddRtpLeg, Answers, DropLeg, Events, GetLegs, GetStatus, Legs, Media, Status
from signaling.media.placement import DRAINING, Placement

RECONNECT_SECONDS = 0.1
MEASURE_SECONDS = 1.0
INHERIT_SECONDS = 5.0
"""How long a worker that carried calls is waited for after a new start: one that lives is there at once."""
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
        self._expected: dict[str, set[str]] = {}
        """By worker, until it has been met for the first time."""
        self._inherited: dict[str, list[str]] = {}
        self._placement = Placement()
        self.statuses: dict[str, Status] = {}
        """As each worker that is there told last."""
        self._keeping: list[asyncio.Task[None]] = []
        self._meeting = asyncio.Event()
        self.complete = asyncio.Event()
        """Set while every worker is connected."""

    def inherit(self, rooms: Mapping[str, str]) -> None:
        """The rooms that an earlier control plane had, and on which worker; before `start`. All other legs that workers
        have are dropped when they are met."""
        for room, worker in rooms.items():
            self._rooms[room] = worker
            self._expected.setdefault(worker, set()).add(room)

    async def met(self) -> dict[str, list[str]]:
        """The legs in the rooms that were inherited, by room, when every worker of them is there, or is not waited for
        any longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(INHERIT_SECONDS):
                while self._expected:
                    self._meeting.clear()
                    await self._meeting.wait()
        self._expected.clear()
        return self._inherited

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

    def worker_of(self, room: str) -> str:
        """Empty when none carries it."""
        return self._rooms.get(room, "")

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
                inherited = await self._find_inherited(name, client)
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
            if self._expected.pop(name, None) is not None:
                self._inherited |= inherited
                self._meeting.set()
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

    async def _find_inherited(self, name: str, client: Client) -> dict[str, list[str]]:
        """The legs in the rooms that are expected there, by room. All others have no dialog any more: they end, and so
        do their taps."""
        expected = self._expected.get(name, set())
        known: Legs = await client.ask(GetLegs())
        found: dict[str, list[str]] = {}
        for leg in known.legs:
            if leg.room in expected:
                found.setdefault(leg.room, []).append(leg.leg)
            else:
                await client.ask(DropLeg(leg.leg))
        return found
