"""`python -m tests.recorder.kills`: kills a real recorder with -9, again and again, while ten recorded calls run.

Also with the power of the machine, and real relay workers in the middle of their calls. Ends with status 1 and a
traceback when a recording is not what it should be; prints what it came to as JSON.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from recorder import api
from tests.recorder.live_call import LiveCall
from tests.recorder.process import PARTIES, RecorderProcess, start_of
from tests.recorder.ten_calls import NAMES, all_bodies, expected, longest_ms, lost_ms
from tests.recorder.watched import WATCHED_FILE, cut_power
from tests.relay.process import worker
from tests.support.tapper import Tapper

PACE = 0.1
"""Seconds of the calls at a time."""
LONGEST_LIFE = 1.6
"""Seconds; as long again as it takes to begin and to be told what goes on."""
SECONDS_PER_KILL = 1.1
DELIVERING = 5
"""Of so many kills one comes after the calls."""
LOST_MS, LOST_OF_A_WORKER_MS = 500, 100
WORKER_CALLS = 5
CALM_SECONDS = 0.2


class Shift(NamedTuple):
    kills: int
    seed: int
    power: bool = False


class Verdict(NamedTuple):
    kills: int
    recordings: int
    lost_ms: int
    """Of all parties together."""
    most_lost_ms: int
    """Of one party and kill: in one place."""


class _Site:
    """A recorder that may be killed at any time, and the worker of ten calls."""

    def __init__(self, folder: Path, shift: Shift) -> None:
        self.told = folder / "watched"
        self.told.touch()
        self.recorder = RecorderProcess(folder, "tests.recorder.watched")
        self.tapper = Tapper(self.recorder.tap)
        self._random = random.Random(shift.seed)
        self._power = shift.power

    async def live(self) -> None:
        """The recorder goes on until it is ready, and the worker finds it."""
        await self.recorder.spawn()
        await self._connected()

    async def live_and_die(self) -> None:
        """It may die before it is ready."""
        await self.recorder.spawn()
        connecting = asyncio.create_task(self._connected())
        await asyncio.sleep(self._random.uniform(0.0, LONGEST_LIFE))
        await self.die(connecting)

    async def die(self, *connecting: "asyncio.Task[None]") -> None:
        await self.recorder.kill()
        for failed in await asyncio.gather(*connecting, return_exceptions=True):
            assert failed is None or isinstance(failed, AssertionError | OSError), failed
        await self.recorder.client.close()
        await self.tapper.close()
        if self._power and self._random.random() < 0.5:
            await asyncio.to_thread(cut_power, self.told, self.recorder.data, self._random)

    async def _connected(self) -> None:
        await self.recorder.connected()
        await self.tapper.connect()

    async def talk(self, bodies: list[bytes]) -> None:
        """In real time, whether or not the recorder is there."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, body in enumerate(bodies):
            self.tapper.send(body)
            if number % 5 == 4:
                await asyncio.sleep(max(0.0, began + (number // 5 + 1) * PACE - loop.time()))


async def kill_recorder(folder: Path, shift: Shift) -> Verdict:
    """Raises AssertionError when a recording is not what it should be."""
    os.environ[WATCHED_FILE] = str(folder / "watched")
    seconds = round(shift.kills * SECONDS_PER_KILL + 1, 1)
    bodies, wanted = await asyncio.to_thread(lambda: (all_bodies(seconds), expected(seconds)))
    site = _Site(folder, shift)
    late = max(1, shift.kills // DELIVERING)
    await site.live()
    for name in NAMES:
        await site.recorder.client.ask(start_of(name))
    talking = asyncio.create_task(site.talk(bodies))
    await asyncio.sleep(1.0)
    await site.die()
    for _ in range(shift.kills - late - 1):
        await site.live_and_die()
    await site.live()
    await talking
    await site.tapper.drained(30.0)
    for name in NAMES:
        await site.recorder.client.ask(api.Seal(name))
    await site.die()
    for _ in range(late - 1):
        await site.live_and_die()
    await site.live()
    lost, longest = [0], 0
    for name, whole in zip(NAMES, wanted, strict=True):
        # A seal that was asked for and not yet on the disk when the power went is asked for again, as it is in life.
        await site.recorder.client.ask(api.Seal(name))
        await site.recorder.reached(name, "released", timeout=60)
        heard = await site.recorder.delivered(name)
        lost += lost_ms(heard, whole)
        longest = max(longest, longest_ms(heard, whole))
    await site.tapper.close()
    assert await site.recorder.stop() == 0
    assert longest <= (LOST_MS if shift.power else 0), f"a party lost {longest} ms by one kill"
    return Verdict(shift.kills, len(NAMES), sum(lost), longest)


async def kill_workers(folder: Path, shift: Shift) -> Verdict:
    """A worker is killed in the middle of its five calls, as often as it is asked for. Raises AssertionError."""
    generator = random.Random(shift.seed)
    recorder = RecorderProcess(folder)
    await recorder.start()
    lost: list[int] = []
    for number in range(shift.kills):
        names = [f"{number:016x}{call:016x}" for call in range(WORKER_CALLS)]
        (folder / f"worker{number}").mkdir()
        async with _calls(folder, recorder, names) as calls:
            talking = [asyncio.create_task(call.talk(30.0)) for call in calls]
            await asyncio.sleep(generator.uniform(0.5, 2.0))
            await _calm()
            calls[0].worker.process.kill()
            sent = [[peer.sequence - 1000 for peer in call.peers] for call in calls]
            await calls[0].worker.process.wait()
            for task in talking:
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)
        for name in names:
            await recorder.client.ask(api.Seal(name))
        for name, packets in zip(names, sent, strict=True):
            await recorder.reached(name, "released", timeout=60)
            told = (await recorder.delivered(name)).manifest
            assert told.gaps == (), told.gaps
            assert [party.undecodable + party.duplicates + party.lost for party in told.parties] == [0, 0]
            lost += [20 * (was - party.packets) for was, party in zip(packets, told.parties, strict=True)]
    assert await recorder.stop() == 0
    assert max(lost) <= LOST_OF_A_WORKER_MS, f"a party lost {max(lost)} ms"
    return Verdict(shift.kills, shift.kills * WORKER_CALLS, sum(lost), max(lost))


@contextlib.asynccontextmanager
async def _calls(folder: Path, recorder: RecorderProcess, names: list[str]) -> AsyncIterator[list[LiveCall]]:
    """A worker with calls that are recorded under these names."""
    async with worker(folder) as running:
        calls = [LiveCall(running, f"room{number}") for number in range(len(names))]
        for call, name in zip(calls, names, strict=True):
            await call.connect()
            await recorder.client.ask(start_of(name, PARTIES))
            await call.record(name)
        yield calls


async def _calm() -> None:
    """Until the machine has let us run in time for a while: what a worker does that gets no time is not judged here."""
    since = time.monotonic()
    while time.monotonic() - since < CALM_SECONDS:
        asked = time.monotonic()
        await asyncio.sleep(0.01)
        if time.monotonic() - asked > 0.02:
            since = time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.recorder.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=75)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--power", action="store_true", help="half of the times the power goes, too")
    parser.add_argument("--workers", action="store_true", help="kill relay workers and not the recorder")
    given = parser.parse_args()
    work = kill_workers if given.workers else kill_recorder
    with tempfile.TemporaryDirectory(prefix="tp-kills-") as folder:
        verdict = asyncio.run(work(Path(folder), Shift(given.kills, given.seed, given.power)))
    json.dump({"seed": given.seed, "power": given.power, **verdict._asdict()}, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
