"""Figures as a measurement gives them."""

from bench.load.judge import Verdict
from bench.load.measure import Figures

RIGHT = Verdict(
    packets=1000,
    lost=0,
    missing=0,
    doubled=0,
    unreadable=0,
    gap_ms={"p50": 20.0, "p99": 25.5, "max": 30.0},
    mouth_to_ear_ms={"p50": 21.0, "p99": 30.25, "max": 31.0, "markers": 20},
    dropouts=0,
    not_heard=(),
    wrongly_heard=(),
)


def figures(millicores: float, verdict: Verdict = RIGHT, server: str = "telephonist", load_dropped: int = 0) -> Figures:
    return Figures(
        server=server,
        version="1.2",
        work="pcmu-room",
        title="PCMU conference",
        legs=100,
        srtp=server == "telephonist",
        seconds=4.0,
        millicores_per_leg=millicores,
        memory_kb_per_leg=40.0,
        verdict=verdict,
        load_late_ms=0.1,
        load_dropped=load_dropped,
    )
