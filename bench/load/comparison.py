"""The short set: what is measured beside whom. Pure."""

import statistics
from dataclasses import dataclass

from bench.load.measure import Figures
from bench.load.work import Work, make_work

OURS = "telephonist"


@dataclass(frozen=True)
class Comparison:
    work: Work
    peer: str
    at_most: float
    """The share of the peer's CPU time that ours shall not exceed."""


def comparisons() -> tuple[Comparison, ...]:
    return (
        Comparison(make_work("pcmu-room", 100), "janus", 0.45),
        Comparison(make_work("pcmu-room", 200), "janus", 0.45),
        Comparison(make_work("pcmu-pairs", 200), "janus", 0.25),
        Comparison(make_work("opus-room", 80), "janus", 0.12),
        Comparison(make_work("opus-pairs", 80), "janus", 0.08),
        Comparison(make_work("srtp-rtp", 400), "rtpengine", 1.0),
        Comparison(make_work("pcmu-opus", 40), "rtpengine", 0.35),
    )


def median_run(runs: list[Figures]) -> Figures:
    """The run whose CPU time is the median; of an even number the higher of the two in the middle."""
    middle = statistics.median_high([one.millicores_per_leg for one in runs])
    return next(one for one in runs if one.millicores_per_leg == middle)


def holds(one: Figures) -> bool:
    """Whether a machine carries this: nothing lost, every gap but one of a hundred within two packets, all right."""
    verdict = one.verdict
    return (
        verdict.right
        and verdict.lost == 0
        and verdict.missing == 0
        and one.load_dropped == 0
        and verdict.gap_ms.get("p99", 1e9) <= LONGEST_GAP_MS
    )


LONGEST_GAP_MS = 40.0
