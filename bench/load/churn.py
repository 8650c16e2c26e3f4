"""Legs that come and go: whether a worker gives back all that it took."""

import asyncio
import time
from dataclasses import dataclass

from bench.load.batches import BatchSocket
from bench.load.drive import Driver
from bench.load.measure import ADDRESS, Tell
from bench.load.script import write
from bench.load.targets.workers import Workers
from bench.load.work import make_work
from bench.processes import process_memory

AT_ONCE = 200
TALK_SECONDS = 0.1
WARM_SHARE = 0.2
"""Of the legs, before the memory is first looked at: what is made once is made by then."""
_WIDTH = 256


@dataclass(frozen=True)
class Churn:
    legs: int
    seconds: float
    memory_early: int
    """Resident octets after the first fifth of the legs, none of them open."""
    memory_late: int
    """After all of them."""

    @property
    def growth_percent(self) -> float:
        return round(100 * (self.memory_late / self.memory_early - 1), 2)


async def churn(target: Workers, legs: int, tell: Tell) -> Churn:
    """Opens so many SRTP legs in rooms of two, AT_ONCE at a time, lets them talk shortly and closes them."""
    began = time.monotonic()
    work = make_work("pcmu-pairs", min(AT_ONCE, legs))
    rounds = max(2, round(legs / len(work.legs)))
    early = 0
    for number in range(rounds):
        tell("opening and closing", number / rounds)
        sock = BatchSocket(ADDRESS, _WIDTH)
        try:
            lines = await target.connect(work, sock.address)
            await asyncio.to_thread(Driver(sock, lines, write(lines, TALK_SECONDS)).run)
            await target.disconnect(work)
        finally:
            sock.close()
        if number + 1 == max(1, round(rounds * WARM_SHARE)):
            early = process_memory(target.pids)
    late = process_memory(target.pids)
    return Churn(rounds * len(work.legs), round(time.monotonic() - began, 1), early, late)
