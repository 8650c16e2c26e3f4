"""What is missing from a recording, and why. Pure."""

from typing import NamedTuple

import numpy as np

from recorder.finalizing.manifest import Gap, Span
from recorder.finalizing.placement import Floats, Run
from recorder.spooling.timeline import Presence, merge, subtract

SHORTEST = 0.01
"""Seconds; what is shorter is the rounding of its neighbours."""
AT_PAUSE = 0.2
"""Seconds beside a pause in which a packet may be missing because it came when the pause had begun."""
Seconds = tuple[float, float]


class Missing(NamedTuple):
    gaps: list[Gap]
    lost: int
    """Sequence numbers that never came and that were not held back on purpose."""


class _Loss(NamedTuple):
    start: float
    end: float
    packets: int


def seconds(spans: list[tuple[int, int]], zero: int) -> list[Seconds]:
    """Spans of the worker's clock as seconds from the time line's zero."""
    return [((start - zero) / 1e9, (end - zero) / 1e9) for start, end in spans]


def find_gaps(party: int, presence: Presence, overflows: set[tuple[int, int]], runs: list[Run], zero: int) -> Missing:
    """Every stretch of a party's sound that is not there, with its cause: the nearest cause wins."""
    paused = seconds(presence.paused, zero)
    losses = [loss for run in runs for loss in _losses(run)]
    shifts = [shift for run in runs for shift in _shifts(run)]
    sounding = _Sounding(runs)
    overflowed, losses = _holes(_without(seconds(merge(overflows), zero), paused), losses, sounding)
    unfollowed = _without(seconds(presence.unfollowed, zero), paused + overflowed)
    unfollowed, losses = _holes(unfollowed, losses, sounding)
    unfollowed, overflowed = (_without(holes, paused) for holes in (unfollowed, overflowed))
    network = []
    lost = 0
    for start, end, packets in losses:
        pieces = [piece for piece in subtract((start, end), paused) if _counts(piece, paused)]
        network += pieces
        lost += packets if pieces else 0
    shifted = _without(shifts, paused + overflowed + unfollowed)
    named = (("overflow", overflowed), ("tap", unfollowed), ("network", network), ("shift", shifted))
    return Missing([_gap(piece, party, cause) for cause, pieces in named for piece in pieces], lost)


def find_pauses(party: int, presence: Presence, zero: int) -> list[Span]:
    return [Span(round(start * 1000), round(end * 1000), party) for start, end in seconds(presence.paused, zero)]


class _Sounding:
    """Where there is sound: stretches in order, none touching another."""

    def __init__(self, runs: list[Run]) -> None:
        starts = np.concatenate([np.empty(0), *(run.start for run in runs)])
        ends = np.concatenate([np.empty(0), *(run.end for run in runs)])
        order = np.argsort(starts)
        starts, reached = starts[order], np.maximum.accumulate(ends[order])
        first = np.flatnonzero(np.concatenate(([True], starts[1:] - reached[:-1] >= SHORTEST))[: len(starts)])
        self._starts: Floats = starts[first]
        self._ends: Floats = reached[np.append(first[1:], len(starts)) - 1] if len(first) else reached

    def left_of(self, span: Seconds) -> list[Seconds]:
        """The span without sound in it."""
        low, high = np.searchsorted(self._ends, span[0]), np.searchsorted(self._starts, span[1])
        inside = zip(self._starts[low:high].tolist(), self._ends[low:high].tolist(), strict=True)
        return [piece for piece in subtract(span, inside) if piece[1] - piece[0] >= SHORTEST]


def _holes(spans: list[Seconds], losses: list[_Loss], sounding: _Sounding) -> tuple[list[Seconds], list[_Loss]]:
    """Where sound is really missing of spans of the tap's clock, and the losses that have nothing to do with them: what
    came before the tap was cut sounds on into the span, and the packet that came too late for it began in it."""
    holes: list[Seconds] = []
    for start, end in spans:
        touched = [loss for loss in losses if loss.start < end and loss.end > start]
        losses = [loss for loss in losses if loss not in touched]
        whole = min([start, *(loss.start for loss in touched)]), max([end, *(loss.end for loss in touched)])
        holes += sounding.left_of(whole)
    return holes, losses


def _losses(run: Run) -> list[_Loss]:
    """Of what is between it and the run that takes over, too, unless that begins before what was lost could sound."""
    jumps = np.diff(run.sequence)
    losses = [
        _Loss(float(run.end[index]), float(run.start[index + 1]), int(jumps[index]) - 1)
        for index in np.flatnonzero(jumps > 1)
    ]
    if run.next is not None and (packets := _lost_before(run.next, run)) and run.next[0] > run.end[-1]:
        losses.append(_Loss(float(run.end[-1]), run.next[0], packets))
    return losses


def _shifts(run: Run) -> list[Seconds]:
    """Where the run that takes over begins later than this one ends, and nothing was lost; or where it covers its
    end."""
    if run.next is None or (run.next[0] > run.end[-1] and _lost_before(run.next, run)):
        return []
    start, end = sorted((run.next[0], float(run.end[-1])))
    return [(start, end)]


def _lost_before(following: tuple[float, int], run: Run) -> int:
    return following[1] - int(run.sequence[-1]) - 1


def _without(spans: list[Seconds], others: list[Seconds]) -> list[Seconds]:
    return [piece for span in spans for piece in subtract(span, others) if piece[1] - piece[0] >= SHORTEST]


def _counts(piece: Seconds, paused: list[Seconds]) -> bool:
    length = piece[1] - piece[0]
    beside = any(piece[1] == start or piece[0] == end for start, end in paused)
    return length >= (AT_PAUSE if beside else SHORTEST)


def _gap(piece: Seconds, party: int, cause: str) -> Gap:
    return Gap(max(0, round(piece[0] * 1000)), round(piece[1] * 1000), party, cause)
