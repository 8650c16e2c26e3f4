"""A flood of bad packets on one leg's port, while others talk on the same worker: what it does to them."""

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from bench.load.batches import Address, Batch, BatchSocket, Octets
from bench.load.measure import ADDRESS, Figures, Span, Tell, measure
from bench.load.script import Line
from bench.load.targets.workers import Workers, leg_name
from bench.load.work import Leg, Work, make_work

TURN_SECONDS = 0.02
VICTIMS = 9000
"""The number of the flooded leg, and of its room: beyond those of any work."""
LONGEST = 200
"""Octets of a bad packet."""
_KINDS = 4
_SEED = 5389


@dataclass(frozen=True)
class FloodPlan:
    rate: int = 5000
    """Bad packets a second: 0 is the measure of what there is without them."""
    legs: int = 40
    """Others, in rooms of two."""
    seconds: float = 10.0


@dataclass(frozen=True)
class Flooded:
    """What was sent at one leg, and how the others fared."""

    rate: int
    sent: int
    """By the flood: half from the leg's own address, half from a stranger's."""
    discarded: int
    """By the worker, as it counts them."""
    others: Figures


async def measure_flood(plan: FloodPlan, tell: Tell) -> Flooded:
    """Raises RuntimeError when the worker does not start or refuses a leg."""
    async with Workers(1) as workers:
        target = _UnderFlood(workers, plan.rate)
        others = await measure(target, make_work("pcmu-pairs", plan.legs), Span(plan.seconds), tell)
        return Flooded(plan.rate, target.sent, target.discarded, others)


class _UnderFlood:
    """Workers, of which one leg more is flooded from the moment that all are connected until they end."""

    def __init__(self, workers: Workers, rate: int) -> None:
        self.name, self.version = workers.name, workers.version
        self.sent = self.discarded = 0
        self._workers = workers
        self._rate = rate
        self._victim = Work("flooded", "flooded", tuple(Leg(VICTIMS + n, VICTIMS, "PCMU", True, None) for n in (0, 1)))

    @property
    def pids(self) -> list[int]:
        return self._workers.pids

    def accepts(self, work: Work) -> Work:
        return work

    async def connect(self, work: Work, at: Address) -> list[Line]:
        lines = await self._workers.connect(work, at)
        self._own, stranger = BatchSocket(ADDRESS, LONGEST), BatchSocket(ADDRESS, LONGEST)
        victim, _ = await self._workers.connect(self._victim, self._own.address)
        self._flood = _Flood((self._own, stranger), victim.remote, self._rate).start()
        return lines

    async def disconnect(self, work: Work) -> None:
        self.sent = await asyncio.to_thread(self._flood.stop)
        self.discarded = await self._workers.discarded(leg_name(self._victim.legs[0]), VICTIMS)
        await self._workers.disconnect(self._victim)
        await self._workers.disconnect(work)


class _Flood:
    """A thread that sends bad packets evenly; the sockets are its own, and closed by it."""

    def __init__(self, sockets: tuple[BatchSocket, BatchSocket], to: Address, rate: int) -> None:
        self._sockets = sockets
        self._data, self._sizes = bad_packets(round(rate * TURN_SECONDS))
        self._batch = Batch([to] * len(self._sizes))
        self._batch.point(self._data, self._sizes)
        self._over = threading.Event()
        self._sent = 0
        self._thread = threading.Thread(target=self._run)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> int:
        """How many it has sent."""
        self._over.set()
        self._thread.join()
        return self._sent

    def _run(self) -> None:
        count, due = len(self._sizes), time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due += TURN_SECONDS
            own, stranger = self._sockets
            self._sent += own.send(self._batch, 0, count // 2) + stranger.send(self._batch, count // 2, count)
            own.receive()  # what the leg is sent, so that no buffer fills
        for sock in self._sockets:
            sock.close()


def bad_packets(count: int) -> tuple[Octets, npt.NDArray[np.int64]]:
    """Rows of octets and their sizes: noise; RTP, RTCP and STUN by their first octets, and nothing behind them."""
    chance = np.random.default_rng(_SEED)
    data = chance.integers(0, 256, (count, LONGEST), np.uint8)
    sizes = chance.integers(0, LONGEST + 1, count)
    for kind, head in enumerate((b"\x80\x00", b"\x80\xc9\x00\x01", b"\x00\x01\x00\x00\x21\x12\xa4\x42"), 1):
        data[kind::_KINDS, : len(head)] = np.frombuffer(head, np.uint8)
    return data, sizes
