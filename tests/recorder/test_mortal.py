"""The recorder dies at hundreds of points of its work on the disk, with ten calls going on, and by power cuts, too."""

import asyncio
import random
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from recorder import api
from recorder.spooling import open_recordings
from recorder.wire import BATCH
from tests.recorder.mortal import Crash, Disk, Life, in_a_hurry
from tests.recorder.offline import Room
from tests.recorder.process import start_of
from tests.recorder.ten_calls import CALLS, NAMES, all_bodies, expected, lost_ms

FLUSH_TICKS, SYNC_FLUSHES = 5, 4
"""A flush each 100 ms of the calls, a sync each 400 ms, as recorder.spooling.spool has it."""
WORKER = b"w" * 16
SECONDS = 10.0


class Shift(NamedTuple):
    """How often it dies while the calls go on and afterwards, and whether the power goes, too."""

    kills: int
    kills_delivering: int
    power: bool
    seed: int


class World:
    """What outlives the recorder: the disk, the worker that has not had its acknowledgement, the calls."""

    def __init__(self, folder: Path, disk: Disk, shift: Shift) -> None:
        self.room = Room(folder / "room")
        self.data = folder / "data"
        self.disk = disk
        self.generator = random.Random(shift.seed)
        self.shift = shift
        self.starts = [start_of(name) for name in NAMES]
        self.held: OrderedDict[int, bytes] = OrderedDict()
        self.life: Life | None = None
        self.died = 0
        self.points = 130
        """It dies within so many."""

    async def born(self, kills: int) -> Life:
        """A recorder that has begun, after as many deaths as that takes; it dies again while `kills` are left."""
        while True:
            again = self.died < kills
            self.disk.crash_after(self.generator.randrange(1, self.points) if again else None)
            self.life = Life(self.data, self.room.ring, self.data / "store")
            try:
                await self.life.begin(self.starts)
                return self.life
            except Crash:
                await self.die()

    async def die(self) -> None:
        assert self.life is not None
        self.disk.dead = True
        await self.life.end()
        self.died += 1
        if self.shift.power and self.generator.random() < 0.5:
            self.disk.cut_power()

    async def talk(self, bodies: list[bytes]) -> None:
        """The calls, 100 ms at a time; after a death the worker says again what was not acknowledged."""
        life = await self.born(self.shift.kills)
        for start in range(0, len(bodies), FLUSH_TICKS):
            news = dict(enumerate(bodies[start : start + FLUSH_TICKS], start + 1))
            self.held |= {number: BATCH.pack(number) + body for number, body in news.items()}
            given = {number: life.intake.take_batch(WORKER, self.held[number]) for number in news}
            while True:
                try:
                    await life.spool.flush()
                    if start // FLUSH_TICKS % SYNC_FLUSHES == 0:
                        await life.spool.sync()
                    break
                except Crash:
                    await self.die()
                    life = await self.born(self.shift.kills)
                    given = {number: life.intake.take_batch(WORKER, data) for number, data in self.held.items()}
            for number, waiting in given.items():
                assert waiting.written.done()
                del self.held[number]
        await life.spool.sync() if not self.disk.dead else None

    async def deliver(self) -> None:
        """Seals all, until all are released."""
        kills = self.died + self.shift.kills_delivering
        self.points = 25
        self.disk.crash_after(self.generator.randrange(1, self.points))
        while True:
            life = self.life
            assert life is not None
            try:
                for name in NAMES:
                    await life.recorder.handle(api.Seal(name))
                life.deliver()
                await self._released(life)
                break
            except Crash:
                await self.die()
                await self.born(kills)
        await life.end()

    async def _released(self, life: Life) -> None:
        """Raises Crash when it dies before."""
        async with asyncio.timeout(30):
            while set((await life.states()).values()) != {"released"}:
                crashed, changed = (asyncio.ensure_future(one.wait()) for one in (self.disk.crashed, life.changed))
                await asyncio.wait((crashed, changed), return_when=asyncio.FIRST_COMPLETED)
                for one in (crashed, changed):
                    one.cancel()
                life.changed.clear()
                if self.disk.dead:
                    raise Crash
                assert not (bad := await life.quarantined()), bad


@pytest.fixture
async def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    in_a_hurry(monkeypatch)
    monkeypatch.setattr(open_recordings, "SEAL_GRACE", 0.05)
    return Disk(tmp_path / "data", monkeypatch, random.Random(3))


@pytest.mark.parametrize("shift", [Shift(60, 12, False, 1), Shift(60, 12, False, 2), Shift(60, 12, False, 3)])
async def test_killed(tmp_path: Path, disk: Disk, shift: Shift) -> None:
    """What a killed recorder wrote stays, and the worker says the rest again: nothing is lost, nothing is doubled."""
    world = World(tmp_path, disk, shift)
    await world.talk(all_bodies(SECONDS))
    assert world.died == shift.kills
    await world.deliver()
    assert world.died == shift.kills + shift.kills_delivering
    for start, wanted in zip(world.starts, await asyncio.to_thread(expected, SECONDS), strict=True):
        heard = await asyncio.to_thread(world.room.open_stored, world.data / "store", start.key)
        assert np.array_equal(heard.left, wanted.left)
        assert np.array_equal(heard.right, wanted.right)
        assert heard.manifest.gaps == ()


@pytest.mark.parametrize("shift", [Shift(40, 12, True, 4), Shift(40, 12, True, 5)])
async def test_killed_together_with_the_disk_s_memory(tmp_path: Path, disk: Disk, shift: Shift) -> None:
    """What was not synced is cut away, or is rubbish: at most half a second a party and death, and each hole stands in
    the manifest where it is."""
    world = World(tmp_path, disk, shift)
    await world.talk(all_bodies(SECONDS))
    assert world.died == shift.kills
    await world.deliver()
    holes = 0
    for start, wanted in zip(world.starts, await asyncio.to_thread(expected, SECONDS), strict=True):
        heard = await asyncio.to_thread(world.room.open_stored, world.data / "store", start.key)
        holes += sum(lost_ms(heard, wanted))
        assert all(gap.end_ms - gap.start_ms <= 500 * shift.kills for gap in heard.manifest.gaps)
    assert 0 < holes <= 500 * shift.kills * 2 * CALLS
