"""The workers' client against scripted workers on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ipc.messages import Refusal
from ipc.server import Server
from relay.api import (
    AddRtpLeg,
    Commands,
    DropLeg,
    Events,
    GetLegs,
    GetStatus,
    LegReport,
    Legs,
    LegUp,
    Media,
    Status,
)
from signaling.media import workers
from signaling.media.workers import Workers


def report(leg: str) -> LegReport:
    return LegReport(leg, leg.partition("/")[0], "rtp", "PCMU/8000")


class Scripted:
    """A worker process that can die and come back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server: Server | None = None
        self.legs: list[str] = []
        self.clients = 0
        self.draining = False
        self.told = Status("", 0, 0, 0, 0, 0.0, False)
        self.measured = asyncio.Event()

    async def up(self) -> None:
        self._server = Server(Commands, self._handle, self._count)
        await self._server.start(self._path)

    async def down(self) -> None:
        if self._server is not None:
            await self._server.close()
            self._path.unlink()
            self._server = None

    def publish(self, event: Events) -> None:
        assert self._server is not None
        self._server.publish(event)

    def _count(self, clients: int) -> None:
        self.clients = clients

    async def _handle(self, command: Any) -> msgspec.Struct:
        if isinstance(command, GetLegs):
            return Legs(tuple(report(leg) for leg in self.legs))
        if isinstance(command, GetStatus):
            self.measured.set()
            return self.told
        if isinstance(command, AddRtpLeg):
            if self.draining:
                raise Refusal("draining", "no new rooms")
            self.legs.append(command.leg)
            return Media("answer")
        assert isinstance(command, DropLeg)
        if command.leg not in self.legs:
            raise Refusal("no_such_leg", "no")
        self.legs.remove(command.leg)
        return report(command.leg)


class Floor:
    def __init__(self, folder: Path) -> None:
        paths = {name: folder / name for name in ("a", "b")}
        self.process = {name: Scripted(path) for name, path in paths.items()}
        self.events: asyncio.Queue[tuple[str, Events]] = asyncio.Queue()
        self.presence: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self.workers = Workers(
            paths,
            lambda worker, event: self.events.put_nowait((worker, event)),
            lambda worker, there: self.presence.put_nowait((worker, there)),
        )

    async def up(self, *names: str) -> None:
        for name in names:
            await self.process[name].up()
            await self.expect(name, True)

    async def expect(self, name: str, there: bool) -> None:
        async with asyncio.timeout(10):
            assert await self.presence.get() == (name, there)


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    made = Floor(tmp_path)
    made.workers.start()
    yield made
    await made.workers.close()
    for process in made.process.values():
        await process.down()


async def test_rooms_go_to_the_worker_with_the_most_to_give(floor: Floor) -> None:
    with pytest.raises(Refusal, match="gone"):
        floor.workers.place("early")
    await floor.up("a", "b")
    assert floor.workers.complete.is_set()
    first, second = floor.workers.place("1"), floor.workers.place("2")
    assert {first, second} == {"a", "b"}
    floor.workers.forget("1")
    assert floor.workers.place("3") == first
    floor.workers.place("4")
    assert sorted(floor.workers.rooms_of("a") + floor.workers.rooms_of("b")) == ["2", "3", "4"]


async def test_legs_of_an_earlier_control_plane_are_dropped(floor: Floor) -> None:
    floor.process["a"].legs = ["old/customer", "old/agent-1"]
    await floor.up("a")
    assert floor.process["a"].legs == []
    assert floor.workers.missing == ["b"]


async def test_a_lost_worker_is_told_once_and_met_again(floor: Floor) -> None:
    await floor.up("a")
    floor.workers.place("1")
    await floor.process["a"].down()
    await floor.expect("a", False)
    assert floor.workers.rooms_of("a") == ["1"]
    with pytest.raises(Refusal, match="gone"):
        await floor.workers.ask("1", DropLeg("1/customer"))
    assert not floor.workers.complete.is_set()
    await floor.up("a")
    with pytest.raises(Refusal, match="no_such_leg"):
        await floor.workers.ask("1", DropLeg("1/customer"))


async def test_events_carry_the_name_of_their_worker(floor: Floor) -> None:
    await floor.up("a", "b")
    floor.process["b"].publish(LegUp("1/agent-1"))
    async with asyncio.timeout(10):
        assert await floor.events.get() == ("b", LegUp("1/agent-1"))


async def test_a_worker_that_drains_gives_the_call_to_another(floor: Floor) -> None:
    await floor.up("a", "b")
    floor.process["a"].draining = True
    for room in ("1", "2", "3"):
        assert await floor.workers.begin(room, AddRtpLeg(f"{room}/customer", room, "127.0.0.1")) == Media("answer")
        assert room in floor.workers.rooms_of("b")
    floor.process["b"].draining = True
    with pytest.raises(Refusal, match="draining"):
        await floor.workers.begin("4", AddRtpLeg("4/customer", "4", "127.0.0.1"))


async def test_each_worker_is_measured_and_what_it_told_is_forgotten_with_it(floor: Floor) -> None:
    floor.process["a"].told = Status("0", 7, 50, 0, 0, 1.0, False)
    await floor.up("a")
    async with asyncio.timeout(10):
        await floor.process["a"].measured.wait()
        while not floor.workers.statuses:
            await asyncio.sleep(0)
    assert floor.workers.statuses["a"].legs == 7
    await floor.process["a"].down()
    await floor.expect("a", False)
    assert floor.workers.statuses == {}


async def test_the_rooms_that_are_expected_are_inherited_and_all_others_dropped(tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    floor.process["a"].legs = ["1/customer", "1/agent-1", "old/customer"]
    floor.workers.inherit({"1": "a", "2": "a"})
    floor.workers.start()
    await floor.up("a", "b")
    assert await floor.workers.met() == {"1": ["1/customer", "1/agent-1"]}
    assert floor.process["a"].legs == ["1/customer", "1/agent-1"]
    assert (floor.workers.worker_of("1"), floor.workers.worker_of("3")) == ("a", "")
    assert (await floor.workers.ask("1", DropLeg("1/agent-1"))).leg == "1/agent-1"
    await floor.process["a"].down()
    await floor.expect("a", False)
    await floor.up("a")
    assert floor.process["a"].legs == []
    await close(floor)


async def test_a_worker_that_does_not_come_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "INHERIT_SECONDS", 0.05)
    floor = Floor(tmp_path)
    floor.process["b"].legs = ["2/customer"]
    floor.workers.inherit({"1": "a", "2": "b", "3": "nobody"})
    floor.workers.start()
    await floor.up("b")
    assert await floor.workers.met() == {"2": ["2/customer"]}
    floor.process["a"].legs = ["1/customer"]
    await floor.up("a")
    assert floor.process["a"].legs == []
    await close(floor)


async def close(floor: Floor) -> None:
    await floor.workers.close()
    for process in floor.process.values():
        await process.down()
