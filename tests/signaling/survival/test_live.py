"""What is noted is written together, later, as it is by then."""

import asyncio
from typing import Any

import pytest

from signaling.center import events
from signaling.center.center import Center
from signaling.center.decisions import SaveContact, TellContact
from signaling.center.resources import Tenant
from signaling.store.errors import StoreUnavailable
from signaling.store.live import LiveKey, LiveState
from signaling.survival import live
from signaling.survival.live import LiveKeeper
from tests.signaling.center.floor_plan import TENANT, Shift, directory


class Store:
    def __init__(self) -> None:
        self.written: list[tuple[list[LiveState], list[LiveKey]]] = []
        self.fails = 0
        self.called = asyncio.Event()

    async def save_live(self, states: list[LiveState], gone: list[LiveKey], at: float) -> None:
        self.called.set()
        if self.fails:
            self.fails -= 1
            raise StoreUnavailable("no")
        self.written.append((states, gone))


class Scene:
    def __init__(self) -> None:
        self.store = Store()
        self.values: dict[str, Any] = {}
        source = lambda tenant, id: self.values.get(id)  # noqa: E731
        self.keeper = LiveKeeper(self.store, {"call": source, "contact": source, "agent": source}, lambda: 1000.0)

    def note(self, id: str) -> LiveKey:
        key = LiveKey(TENANT, "call", id)
        self.keeper.note(key)
        return key

    async def write(self) -> tuple[list[str], list[str]]:
        """What is written next: ids with their states, and ids that are gone."""
        self.store.called.clear()
        async with asyncio.timeout(5):
            await self.store.called.wait()
        states, gone = self.store.written[-1]
        return [f"{state.key.id}={state.state.reveal()}" for state in states], [key.id for key in gone]


async def test_many_changes_are_one_writing_of_how_it_is_then() -> None:
    scene = Scene()
    scene.values = {"a": 1, "b": 1}
    for _ in range(5):
        scene.note("a")
    scene.note("b")
    scene.values["a"] = 2
    assert await scene.write() == (["a=2", "b=1"], [])
    assert len(scene.store.written) == 1
    del scene.values["a"]
    scene.note("a")
    assert await scene.write() == ([], ["a"])
    await scene.keeper.close()


async def test_what_is_over_before_it_was_ever_written_is_not_written() -> None:
    scene = Scene()
    scene.note("brief")
    await scene.keeper.close()
    assert scene.store.written == []


async def test_what_could_not_be_written_is_written_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RETRY_SECONDS", 0.0)
    scene = Scene()
    scene.values = {"a": 1}
    scene.keeper.found(scene.note("old"))
    scene.note("a")
    scene.store.fails = 2
    async with asyncio.timeout(5):
        while not scene.store.written:
            scene.store.called.clear()
            await scene.store.called.wait()
    assert await_last(scene) == (["a"], ["old"])
    await scene.keeper.close()


def await_last(scene: Scene) -> tuple[list[str], list[str]]:
    states, gone = scene.store.written[-1]
    return [state.key.id for state in states], [key.id for key in gone]


async def test_one_that_cannot_be_kept_does_not_keep_the_others_from_it() -> None:
    scene = Scene()
    scene.values = {"bad": object(), "good": 1}
    scene.note("bad")
    scene.note("good")
    await scene.keeper.close()
    assert await_last(scene) == (["good"], [])


async def test_whatever_an_event_or_a_decision_names_is_noted() -> None:
    seen: list[tuple[Tenant, str]] = []
    scene = Scene()
    source = lambda tenant, id: seen.append((tenant, id))  # noqa: E731
    keeper = LiveKeeper(scene.store, {"call": source, "contact": source, "agent": source}, lambda: 0.0)
    center = Center(directory(), lambda: "0" * 32)
    shift = Shift()
    shift.call("c3")
    keeper.watch(center, events.Accept("ann", "c1"))
    keeper.watch(center, TellContact("bob", "c2"))
    keeper.watch(center, SaveContact(shift.record("c3")))
    keeper.watch(center, events.RecorderPresence(True))
    await keeper.close()
    assert seen == [(TENANT, name) for name in ("c1", "ann", "c2", "bob", "c3")]
