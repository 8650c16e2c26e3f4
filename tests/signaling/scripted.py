"""A relay worker and a SIP side that follow a script and remember what they were asked."""

from collections.abc import Callable
from typing import Any

from ipc.messages import Command, Done, Refusal
from relay import api as relay


class Worker:
    """Answers every command with success, or with the refusal that it was given for its kind."""

    def __init__(self) -> None:
        self.asked: list[Command[Any]] = []
        self.refusals: dict[type, Refusal] = {}
        self.rooms: list[str] = []
        self.on_asked: Callable[[Command[Any]], None] = lambda _: None

    async def begin(self, room: str, leg: relay.AddRtpLeg | relay.AddBrowserLeg) -> relay.Media:
        self.rooms.append(room)
        media: relay.Media = await self.ask(room, leg)
        return media

    def carries(self, room: str) -> bool:
        return room in self.rooms

    def forget(self, room: str) -> None:
        if room in self.rooms:
            self.rooms.remove(room)

    def rooms_of(self, _: str) -> list[str]:
        return list(self.rooms)

    async def ask(self, _: str, command: Command[Any]) -> Any:
        self.asked.append(command)
        self.on_asked(command)
        if type(command) in self.refusals:
            raise self.refusals[type(command)]
        return Done() if isinstance(command, relay.SetRoom) else relay.Media("answer", "PCMU/8000")

    def commands(self) -> list[type]:
        return [type(command) for command in self.asked]


class Phone:
    """The SIP side: remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.told.append((name, *arguments))

    def last(self) -> tuple[Any, ...]:
        return self.told[-1]
