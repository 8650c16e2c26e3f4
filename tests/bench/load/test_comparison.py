from dataclasses import replace

import pytest

from bench.load.comparison import comparisons, holds, median_run
from bench.load.judge import Verdict
from tests.bench.load.figures import RIGHT, figures


def test_every_comparison_is_work_that_its_peer_can_do() -> None:
    for one in comparisons():
        assert one.peer in ("janus", "rtpengine")
        assert one.peer == "janus" or all(len(legs) == 2 for legs in one.work.rooms.values())
        assert 0 < one.at_most <= 1


def test_the_median_run_counts() -> None:
    runs = [figures(millicores) for millicores in (3.0, 1.0, 2.0)]
    assert median_run(runs) is runs[2]
    assert median_run(runs[:2]) is runs[0]


def test_it_holds_when_all_is_well() -> None:
    assert holds(figures(1.0))
    assert not holds(figures(1.0, load_dropped=1))


@pytest.mark.parametrize(
    "verdict",
    [
        replace(RIGHT, lost=1),
        replace(RIGHT, missing=1),
        replace(RIGHT, wrongly_heard=((0, 1),)),
        replace(RIGHT, gap_ms={"p50": 20.0, "p99": 40.1, "max": 50.0}),
        replace(RIGHT, gap_ms={}),
    ],
)
def test_it_does_not_hold_when_anything_is_not(verdict: Verdict) -> None:
    assert not holds(figures(1.0, verdict))
