"""What is collected when. The collector of the test's own process is put back as it was."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from relay.collector import GONE_LEGS, Collector

SECOND = 1_000_000_000


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def garbage() -> "weakref.ref[Cycle]":
    return weakref.ref(Cycle())


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    made.begin()
    made.keep(0, 1, 0)
    made.keep(0, 1, 0)
    yield made
    gc.enable()
    gc.unfreeze()


def test_nothing_is_collected_by_itself(collector: Collector) -> None:
    assert not gc.isenabled()
    assert gc.get_freeze_count() > 1000
    lost = garbage()
    kept = [[] for _ in range(100_000)]  # type: list[list[int]]
    assert lost() is not None
    assert len(kept) == 100_000


def test_young_garbage_goes_within_a_second(collector: Collector) -> None:
    lost = garbage()
    collector.keep(SECOND // 2, 1, 0)
    assert lost() is not None
    collector.keep(SECOND, 1, 0)
    assert lost() is None
    assert collector.seconds >= collector.longest > 0


@pytest.mark.parametrize(("legs", "ended"), [(0, 1), (7, GONE_LEGS)])
def test_old_garbage_goes_when_nobody_is_on_the_line_or_many_have_gone(
    collector: Collector, legs: int, ended: int
) -> None:
    cycle = Cycle()
    lost = weakref.ref(cycle)
    gc.collect(1)  # it has grown old
    del cycle
    collector.keep(20 * SECOND, 7, ended - 1)
    collector.keep(21 * SECOND, 7, ended - 1)
    assert lost() is not None
    collector.keep(22 * SECOND, legs, ended)
    assert lost() is None
