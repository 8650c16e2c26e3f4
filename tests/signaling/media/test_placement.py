"""Where calls go, by what workers tell of themselves once a second."""

import pytest

from ipc.messages import Refusal
from relay.api import LATENESS_MS, Status
from signaling.media.placement import FEW_LEGS, FULL_CPU, Placement


class Fleet:
    """Workers whose CPU is what a test says; time is the number of the measurement."""

    def __init__(self, *workers: str) -> None:
        self.placement = Placement()
        self.cpu = dict.fromkeys(workers, 0.0)
        self.ticks = dict.fromkeys(workers, 0)
        self.late = dict.fromkeys(workers, 0)
        self.now = 0.0
        for worker in workers:
            self.placement.came(worker)
            self.tell(worker)

    def tell(self, worker: str, cpu: float = 0.0, legs: int = 0, late: int = 0, draining: bool = False) -> None:
        """The next measurement; of `late` ticks in 50 each is 15 ms late."""
        self.now += 1
        self.cpu[worker] += cpu
        self.ticks[worker] += 50
        self.late[worker] += late
        lateness = [0] * (len(LATENESS_MS) + 1)
        lateness[LATENESS_MS.index(20)] = self.late[worker]
        status = Status(worker, legs, self.ticks[worker], 0, 0, self.cpu[worker], draining, tuple(lateness))
        before = self.placement._before.get(worker)
        at = before[0] + 1 if before else 0.0
        self.placement.measured(worker, status, at)

    def settle(self, worker: str, cpu: float, legs: int, late: int = 0) -> None:
        for _ in range(8):
            self.tell(worker, cpu, legs, late)

    def place(self, count: int) -> dict[str, int]:
        chosen = [self.placement.choose() for _ in range(count)]
        return {worker: chosen.count(worker) for worker in self.cpu}


def test_calls_are_spread_before_anything_is_measured() -> None:
    assert Fleet("a", "b").place(10) == {"a": 5, "b": 5}


def test_the_worker_with_the_least_cpu_gets_the_calls_until_they_are_even() -> None:
    fleet = Fleet("a", "b")
    fleet.settle("a", 0.40, 100)
    fleet.settle("b", 0.30, 100)
    placed = fleet.place(24)
    # A leg costs 4 and 3 thousandths here: some 12 calls make up for the difference.
    assert placed["b"] - placed["a"] >= 10
    assert placed["a"] > 0


def test_a_burst_is_refused_before_the_next_measurement_shows_it() -> None:
    fleet = Fleet("a")
    fleet.settle("a", 0.70, 100)
    placed = 0
    with pytest.raises(Refusal, match="overloaded"):
        while placed < 1000:
            fleet.placement.choose()
            placed += 1
    assert placed == pytest.approx((FULL_CPU - 0.70) / 0.014, abs=1)
    fleet.tell("a", 0.72, 102)
    assert fleet.placement.choose() == "a"


def test_short_calls_at_a_high_rate_count_while_they_are_up_only() -> None:
    fleet = Fleet("a")
    fleet.settle("a", 0.2, 50)
    for _ in range(1000):
        fleet.placement.left(fleet.placement.choose())
    fleet.placement.left("a")  # of an earlier measurement
    fleet.placement.left("b")  # lost meanwhile
    assert fleet.placement.loads["a"].expected == pytest.approx(0.2, abs=0.01)


def test_a_full_worker_gets_nothing_while_another_has_room() -> None:
    fleet = Fleet("a", "b")
    fleet.settle("a", 0.9, 400)
    fleet.settle("b", 0.5, 200)
    assert fleet.place(20) == {"a": 0, "b": 20}


def test_late_ticks_close_a_worker_unless_it_carries_next_to_nothing() -> None:
    fleet = Fleet("a")
    fleet.settle("a", 0.3, FEW_LEGS, late=10)
    with pytest.raises(Refusal, match="overloaded"):
        fleet.placement.choose()
    fleet.settle("a", 0.3, FEW_LEGS)
    assert fleet.placement.choose() == "a"
    fleet.settle("a", 0.3, FEW_LEGS - 1, late=50)
    assert fleet.placement.choose() == "a"


def test_a_moment_of_load_is_no_load() -> None:
    fleet = Fleet("a")
    fleet.settle("a", 0.1, 50)
    fleet.tell("a", 1.0, 50)
    assert fleet.placement.choose() == "a"


def test_workers_that_drain_or_are_lost_are_not_chosen() -> None:
    fleet = Fleet("a", "b", "c")
    fleet.tell("a", draining=True)
    fleet.placement.drains("b")
    assert fleet.place(3) == {"a": 0, "b": 0, "c": 3}
    fleet.placement.lost("c")
    with pytest.raises(Refusal, match="draining"):
        fleet.placement.choose()
    for worker in ("a", "b"):
        fleet.placement.lost(worker)
    with pytest.raises(Refusal, match="gone"):
        fleet.placement.choose()
    fleet.tell("a")  # its last word comes after its end
    assert fleet.placement.loads == {}


def test_a_worker_that_was_replaced_is_measured_anew() -> None:
    fleet = Fleet("a")
    fleet.settle("a", 0.9, 400)
    fleet.placement.lost("a")
    fleet.placement.came("a")
    fleet.cpu["a"] = 0.0
    fleet.tell("a", 0.5)
    assert fleet.placement.loads["a"].cpu == 0.0
    assert fleet.placement.choose() == "a"
