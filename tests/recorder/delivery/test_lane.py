"""In which order a lane works, and how many at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.delivery import breaker, lane
from recorder.delivery.lane import Lane
from recorder.errors import StoreFailed
from recorder.spooling.journal import Journal
from recorder.spooling.recording import Recording
from tests.recorder.process import start_of


def recordings(folder: Path, *sealed: float) -> list[Recording]:
    """Finalized ones, sealed at these times; nothing of them is on disk."""
    return [
        Recording(folder, Journal(start_of(f"{int(at):032x}"), b"", "", "finalized", {"sealed": at}), None)
        for at in sealed
    ]


class Store:
    """Takes what comes, unless it is away."""

    def __init__(self) -> None:
        self.away = False
        self.taken: list[float] = []
        self.at_once = 0
        self.most_at_once = 0
        self.refused = 0
        self.changed = asyncio.Event()

    async def upload(self, recording: Recording) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            if self.away:
                self.refused += 1
                raise StoreFailed("away")
            self.taken.append(recording.journal.times["sealed"])
            recording.save(state="uploaded")
        finally:
            self.at_once -= 1
            self.changed.set()

    async def until(self, taken: int = 0, refused: int = 0) -> None:
        async with asyncio.timeout(30):
            while len(self.taken) < taken or self.refused < refused:
                self.changed.clear()
                await self.changed.wait()


async def refuse_quarantine(recording: Recording, error: Exception) -> None:
    raise AssertionError(f"{recording.id}: {error}")


@contextlib.asynccontextmanager
async def running(made: Lane) -> AsyncIterator[None]:
    task = asyncio.create_task(made.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("width", [1, 2, 3])
async def test_the_oldest_of_those_that_are_due_goes_first(tmp_path: Path, width: int) -> None:
    store = Store()
    made = Lane({"finalized": store.upload}, refuse_quarantine, lambda _: None, width)
    for recording in recordings(tmp_path, 3.0, 1.0, 5.0, 2.0, 4.0):
        made.add(recording)
    async with running(made):
        await store.until(taken=5)
    assert store.taken == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert store.most_at_once == width


async def test_all_get_on_when_a_store_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((lane, "FIRST_DELAY"), (breaker, "FIRST_PAUSE"), (breaker, "LONGEST_PAUSE")):
        monkeypatch.setattr(module, name, 0.01)
    store, told = Store(), list[str]()
    store.away = True
    made = Lane({"finalized": store.upload}, refuse_quarantine, lambda recording: told.append(recording.trouble), 2)
    waiting = recordings(tmp_path, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    for recording in waiting:
        made.add(recording)
    async with running(made):
        await store.until(refused=12)
        store.away = False
        await store.until(taken=len(waiting))
    assert sorted(store.taken) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert set(told) == {"away"}
