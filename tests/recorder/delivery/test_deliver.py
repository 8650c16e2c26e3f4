"""Delivery to stores that refuse, lie, or hold something else already."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from recorder.api import State
from recorder.delivery import breaker, lane
from recorder.delivery.deliver import Delivery
from recorder.delivery.places import Places
from recorder.delivery.sources import Source
from recorder.delivery.stores import DirectoryStore
from recorder.errors import StoreFailed
from recorder.spooling.recording import Recording
from tests.recorder.offline import RECORDING, Room
from tests.recorder.process import KEY
from tests.support.tapper import Speaker, speak

OTHER = "ffffffffffffffff0123456789abcdef"


class FickleStore(DirectoryStore):
    """Fails, or spoils what it stores, as often as it is told."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root = root
        self.refusals = 0
        self.spoils = 0
        self.puts: list[str] = []

    async def put(self, key: str, source: Source, replaces: str = "") -> None:
        if self.refusals:
            self.refusals -= 1
            raise StoreFailed("503")
        self.puts.append(key)
        await super().put(key, source, replaces)
        if self.spoils:
            self.spoils -= 1
            path = self.root / key
            data = path.read_bytes()
            path.write_bytes(data[:-1] + bytes((data[-1] ^ 1,)))


class Told:
    """What the delivery tells."""

    def __init__(self) -> None:
        self.states: list[tuple[str, str]] = []
        self.reasons: list[str] = []
        self.changed = asyncio.Event()

    def tell(self, recording: Recording) -> None:
        self.reasons.append(recording.status().reason)
        self.states.append((recording.id, recording.journal.state))
        self.changed.set()

    async def until(self, recording: str, state: str) -> None:
        async with asyncio.timeout(15):
            while (recording, state) not in self.states:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "FIRST_DELAY", 0.02)
    monkeypatch.setattr(breaker, "FIRST_PAUSE", 0.02)


def sealed(room: Room, recording: str = RECORDING, seconds: float = 1.0) -> Recording:
    folder = room.spool(speak(recording, Speaker(0, end=seconds)), recording=recording)
    known, data_key = room.load(folder)
    return Recording(folder, known, data_key)


@asynccontextmanager
async def delivering(room: Room, store: DirectoryStore) -> AsyncIterator[tuple[Delivery, Told]]:
    told = Told()
    delivery = Delivery(room.keys, Places(room.folder / "places.json", store), told.tell)
    delivery.start()
    yield delivery, told
    await delivery.close()


@pytest.mark.usefixtures("quick")
async def test_a_store_that_refuses_is_asked_again(room: Room) -> None:
    store = FickleStore(room.folder / "bucket")
    store.refusals = 4
    recording = sealed(room)
    async with delivering(room, store) as (delivery, told):
        delivery.add(recording)
        await told.until(RECORDING, "released")
    assert store.puts == [KEY.format(RECORDING) + suffix for suffix in (".key", ".json", "")]
    # The reason is told once, and gone with the next state.
    assert told.reasons == ["", "503", "", "", ""]
    assert [path.name for path in recording.folder.iterdir()] == ["journal"]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("name", "harm"), [("sound.sealed", flip), ("manifest.sealed", Path.unlink), ("sound.sealed", empty)]
)
async def test_what_is_not_as_it_was_made_is_made_again(room: Room, name: str, harm: Callable[[Path], None]) -> None:
    """By what befell the disk while the store was away."""
    store = FickleStore(room.folder / "bucket")
    store.refusals = 1 << 30
    recording = sealed(room)
    async with delivering(room, store) as (delivery, told):
        delivery.add(recording)
        await told.until(RECORDING, "finalized")
        harm(recording.folder / name)
        store.refusals = 0
        await told.until(RECORDING, "released")
    states = [state for _, state in told.states]
    assert states[-5:] == ["sealed", "finalized", "uploaded", "verified", "released"]


@pytest.mark.usefixtures("quick")
async def test_a_disk_that_keeps_nothing_as_it_is_written_is_no_reason_to_go_on(room: Room) -> None:
    store = FickleStore(room.folder / "bucket")
    recording = sealed(room)
    async with delivering(room, store) as (delivery, told):
        reached = recording.reach

        def spoiling(state: State, **changes: object) -> None:
            reached(state, **changes)
            if state == "finalized":
                flip(recording.folder / "sound.sealed")

        recording.reach = spoiling  # type: ignore[method-assign]
        delivery.add(recording)
        await told.until(RECORDING, "quarantined")
    assert not store.puts
    assert recording.journal.cause == "damaged"


@pytest.mark.usefixtures("quick")
async def test_phase_one_stays_until_the_store_gives_back_the_same(room: Room) -> None:
    store = FickleStore(room.folder / "bucket")
    store.spoils = 4
    recording = sealed(room)
    async with delivering(room, store) as (delivery, told):
        delivery.add(recording)
        await told.until(RECORDING, "released")
    states = [state for _, state in told.states]
    assert states.count("uploaded") == 3
    assert states[-2:] == ["verified", "released"]


async def test_another_recordings_object_is_never_overwritten(room: Room) -> None:
    store = FickleStore(room.folder / "bucket")
    path = room.folder / "bucket" / KEY.format(RECORDING)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody else's")
    recording = sealed(room)
    async with delivering(room, store) as (delivery, told):
        delivery.add(recording)
        await told.until(RECORDING, "quarantined")
    assert path.read_bytes() == b"somebody else's"
    assert "key" in recording.journal.reason
    assert (recording.folder / "000000.segment").exists()


async def test_one_that_cannot_be_finalized_holds_nobody_up(room: Room) -> None:
    bad, good = sealed(room), sealed(room, OTHER)
    segment = bad.folder / "000000.segment"
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    async with delivering(room, FickleStore(room.folder / "bucket")) as (delivery, told):
        delivery.add(bad)
        delivery.add(good)
        await told.until(OTHER, "released")
        await told.until(RECORDING, "quarantined")
    assert "damaged" in bad.journal.reason
    assert segment.read_bytes() == data
    assert room.load(bad.folder)[0].state == "quarantined"


@pytest.mark.usefixtures("quick")
async def test_a_finalizer_that_dies_is_tried_three_times(room: Room) -> None:
    recording = sealed(room)
    told = Told()
    delivery = Delivery(room.keys, Places(room.folder / "places.json", FickleStore(room.folder / "bucket")), told.tell)
    delivery.finalizer_arguments = ("--no-such-option",)
    delivery.start()
    delivery.add(recording)
    await told.until(RECORDING, "quarantined")
    await delivery.close()
    assert "status 2" in recording.journal.reason


async def test_every_step_is_taken_up_where_it_was_left(room: Room) -> None:
    """Cut off after a random time, again and again, until it is released."""
    store = FickleStore(room.folder / "bucket")
    recording = sealed(room)
    generator = random.Random(1)
    for longest in itertools.count(0.5, 0.05):  # a busy machine needs more time for the longest step
        async with delivering(room, store) as (delivery, told):
            known, data_key = room.load(recording.folder)
            if known.state == "released":
                break
            delivery.add(Recording(recording.folder, known, data_key))
            try:
                async with asyncio.timeout(generator.uniform(0.05, longest)):
                    await told.until(RECORDING, "released")
            except TimeoutError:
                continue
    async with delivering(room, store) as (delivery, told):
        known, data_key = room.load(recording.folder)
        if known.state != "released":  # on a machine too slow for all of them
            delivery.add(Recording(recording.folder, known, data_key))
            await told.until(RECORDING, "released")
    known, _ = room.load(recording.folder)
    assert known.state == "released"
    assert list(known.times) == ["sealed", "finalized", "uploaded", "verified", "released"]
