"""What is missing from a recording, and why. Pure."""

from typing import NamedTuple

import numpy as np

from recorder.manifest import Gap, Span
from recorder.placement import Run
from recorder.timeline import Presence, merge, subtract

SHORTEST = 0.01
"""Seconds; what is shorter is the rounding of its neighbours."""
AT_PAUSE = 0.2
"""Seconds beside a pause in which a packet may be missing because it came when the pause had begun."""
Seconds = tuple[float, float]


class Missing(NamedTuple):
    gaps: list[Gap]
    lost: int
    """Sequence numbers that never came and that were not held back on purpose."""


def seconds(spans: list[tuple[int, int]], zero: int) -> list[Seconds]:
    """Spans of the worker's clock as seconds from the time line's zero."""
    return [((start - zero) / 1e9, (end - zero) / 1e9) for start, end in spans]


def find_gaps(party: int, presence: Presence, overflows: set[tuple[int, int]], runs: list[Run], zero: int) -> Missing:
    """Every stretch of a party's sound that is not there, with its cause: the nearest cause wins."""
    paused = seconds(presence.paused, zero)
    overflowed = _without(seconds(merge(overflows), zero), paused)
    unfollowed = _without(seconds(presence.unfollowed, zero), paused + overflowed)
    known = paused + overflowed + unfollowed
    losses = [loss for run in runs for loss in _losses(run)]
    network = []
    lost = 0
    for start, end, count in losses:
        pieces = [piece for piece in subtract((start, end), known) if _counts(piece, paused)]
        network += pieces
        lost += count if pieces else 0
    named = (("overflow", overflowed), ("tap", unfollowed), ("network", network))
    return Missing([_gap(piece, party, cause) for cause, pieces in named for piece in pieces], lost)


def find_pauses(party: int, presence: Presence, zero: int) -> list[Span]:
    return [Span(round(start * 1000), round(end * 1000), party) for start, end in seconds(presence.paused, zero)]


def _losses(run: Run) -> list[tuple[float, float, int]]:
    jumps = np.diff(run.sequence)
    return [
        (float(run.end[index]), float(run.start[index + 1]), int(jumps[index]) - 1)
        for index in np.flatnonzero(jumps > 1)
    ]


def _without(spans: list[Seconds], others: list[Seconds]) -> list[Seconds]:
    return [piece for span in spans for piece in subtract(span, others) if piece[1] - piece[0] >= SHORTEST]


def _counts(piece: Seconds, paused: list[Seconds]) -> bool:
    length = piece[1] - piece[0]
    beside = any(piece[1] == start or piece[0] == end for start, end in paused)
    return length >= (AT_PAUSE if beside else SHORTEST)


def _gap(piece: Seconds, party: int, cause: str) -> Gap:
    return Gap(max(0, round(piece[0] * 1000)), round(piece[1] * 1000), party, cause)
