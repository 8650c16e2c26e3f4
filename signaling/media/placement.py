"""Which worker carries a new call: the one with the most room by what was measured of it; none when it would be heard.

A worker tells once a second what it has used. Between two tellings each call that is placed counts for what calls have
cost here, so that a burst of them does not go to one worker. Pure.
"""

from dataclasses import dataclass

from ipc.client import GONE
from ipc.messages import Refusal
from relay.api import LATENESS_MS, Status

FULL = "overloaded"
DRAINING = "draining"
FULL_CPU = 0.80
"""Of a core. The rest is for what a call costs more than usual: prompts, transcoding, a third party."""
LATE_MS = 10
LATE_PART = 0.10
"""A worker of which more ticks than this begin over LATE_MS late has no time to give away."""
FEW_LEGS = 10
"""With so few legs lateness is somebody else's doing, and to refuse a call would not help."""
LEG_CPU = 0.002
"""What a leg is taken to cost until it has been measured, of a core."""
LEGS_OF_A_CALL = 2
MEMORY = 0.5
"""How much of an older measurement stays in a newer one: a second is short."""


@dataclass
class Load:
    """What is known of one worker."""

    legs: int = 0
    cpu: float = 0.0
    """Of a core."""
    late: float = 0.0
    """Part of its ticks, 0 to 1."""
    draining: bool = False
    placed: int = 0
    """How many more calls it has than at the last measurement."""

    @property
    def expected(self) -> float:
        """Its CPU with what was placed on it since."""
        cost = max(LEG_CPU, self.cpu / self.legs) if self.legs >= FEW_LEGS else LEG_CPU
        return self.cpu + self.placed * LEGS_OF_A_CALL * cost

    @property
    def is_full(self) -> bool:
        return self.expected >= FULL_CPU or (self.legs >= FEW_LEGS and self.late > LATE_PART)


class Placement:
    def __init__(self) -> None:
        self.loads: dict[str, Load] = {}
        self._before: dict[str, tuple[float, Status]] = {}

    def came(self, worker: str) -> None:
        self.loads[worker] = Load()

    def lost(self, worker: str) -> None:
        self.loads.pop(worker, None)
        self._before.pop(worker, None)

    def drains(self, worker: str) -> None:
        """It takes no new calls; it is not waited for until it says so itself."""
        if worker in self.loads:
            self.loads[worker].draining = True

    def left(self, worker: str) -> None:
        """A call that was placed on it is over."""
        if worker in self.loads:
            self.loads[worker].placed = max(0, self.loads[worker].placed - 1)

    def measured(self, worker: str, status: Status, now: float) -> None:
        """What a worker has told, at `now` in seconds of any steady clock."""
        load = self.loads.get(worker)
        if load is None:
            return
        before = self._before.get(worker)
        self._before[worker] = now, status
        load.legs, load.draining, load.placed = status.legs, status.draining, 0
        if before is None or now <= before[0]:
            return
        cpu = (status.cpu_seconds - before[1].cpu_seconds) / (now - before[0])
        load.cpu = MEMORY * load.cpu + (1 - MEMORY) * max(0.0, cpu)
        load.late = MEMORY * load.late + (1 - MEMORY) * _late_part(before[1], status)

    def choose(self) -> str:
        """The worker for a new call, which counts from now on. Raises Refusal: `gone`, `draining`, `overloaded`."""
        if not self.loads:
            raise Refusal(GONE, "no media worker is there")
        open_ones = {worker: load for worker, load in self.loads.items() if not load.draining}
        if not open_ones:
            raise Refusal(DRAINING, "no media worker takes new calls")
        worker = min(open_ones, key=lambda name: (open_ones[name].is_full, open_ones[name].expected, name))
        if open_ones[worker].is_full:
            raise Refusal(FULL, "every media worker has as much as it can carry")
        open_ones[worker].placed += 1
        return worker


def _late_part(before: Status, now: Status) -> float:
    ticks = now.ticks - before.ticks
    begun = LATENESS_MS.index(LATE_MS) + 1
    late = sum(now.lateness[begun:]) - sum(before.lateness[begun:])
    return min(1.0, max(0, late) / ticks) if ticks > 0 else 1.0
