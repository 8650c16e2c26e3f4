"""The time line of a recording, on the relay worker's clock: when who was there, when on purpose silent, when not
followed. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.errors import Damaged
from recorder.wire import Kind

NS = 1_000_000_000
UNFOLLOWED_NS = 300_000_000
"""Each party's clock is told ten times a second: when it was silent for longer, something was away."""
LONGEST_NS = 48 * 3600 * NS
Span = tuple[int, int]


class Presence(NamedTuple):
    """One party's part in the time line; spans in ns of the worker's clock."""

    there: list[Span]
    paused: list[Span]
    unfollowed: list[Span]


def presence(events: list[tuple[int, Kind]], clocks: NDArray[np.int64]) -> Presence:
    """From BEGIN, END, PAUSE and RESUME, and all clocks that the party was told with. A party without END was there as
    long as its clock was told, and one whose BEGIN came before its recording was started, from the first clock on."""
    last = int(clocks.max(initial=0))
    if len(clocks) and not any(kind is Kind.BEGIN for _, kind in events):
        events = [(int(clocks.min()), Kind.BEGIN), *events]
    there: list[Span] = []
    paused: list[Span] = []
    began: int | None = None
    silent: int | None = None
    for clock, kind in sorted(events, key=lambda event: event[0]):
        if kind is Kind.BEGIN and began is None:
            began = clock
        elif kind is Kind.PAUSE and silent is None:
            silent = clock
        elif kind is Kind.RESUME and silent is not None:
            paused, silent = [*paused, (silent, clock)], None
        elif kind is Kind.END and began is not None:
            there, began = [*there, (began, clock)], None
            paused, silent = ([*paused, (silent, clock)], None) if silent is not None else (paused, None)
    if began is not None:
        there.append((began, max(last, began)))
        paused += [(silent, max(last, silent))] if silent is not None else []
    return Presence(there, paused, [hole for span in there for hole in _holes(span, clocks)])


def extent(presences: Iterable[Presence]) -> Span | None:
    """From the first BEGIN to the last END; None when nobody began. Raises Damaged for a time line of days."""
    spans = [span for one in presences for span in one.there]
    if not spans:
        return None
    start, end = min(begin for begin, _ in spans), max(end for _, end in spans)
    if end - start > LONGEST_NS:
        raise Damaged("the time line is longer than two days")
    return start, end


def subtract(span: tuple[float, float], others: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """What is left of a span without the others."""
    left = [span]
    for start, end in others:
        left = [
            piece
            for low, high in left
            for piece in ((low, min(high, start)), (max(low, end), high))
            if piece[0] < piece[1]
        ]
    return left


def merge(spans: Iterable[Span]) -> list[Span]:
    """The same stretches, sorted, none touching another."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _holes(span: Span, clocks: NDArray[np.int64]) -> list[Span]:
    start, end = span
    inside = np.sort(clocks[(clocks >= start) & (clocks <= end)])
    edges = np.concatenate(([start], inside, [end]))
    return [(int(edges[i]), int(edges[i + 1])) for i in np.flatnonzero(np.diff(edges) > UNFOLLOWED_NS)]
