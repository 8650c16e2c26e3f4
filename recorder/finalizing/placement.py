"""Where on the time line each packet of a party belongs. Pure.

The buffer is endless: all packets are known, so each has its place, however late it came. Within a run (one SSRC, one
RTP clock, no jump) the RTP timestamps give the distances, and the arrivals give the anchor: a packet may come late
but never early, so the line under all points (timestamp, arrival) is the sender's clock as seen through the least
delay. Its slope is the edge of the lower convex hull that spans the middle (Moon, Skelly, Towsley: Estimation and
Removal of Clock Skew from Network Delay Measurements, INFOCOM 1999); what the least delay itself does over minutes is
followed on top of it.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.spooling.index import Track, clock_rate, clock_rates, column

JUMP = 0.06
"""Seconds by which timestamps and arrivals must part, and stay so, to begin a new run."""
WINDOW = 500
"""Packets on each side of a possible jump that are asked whether it stays."""
FEWEST = 10
"""Packets on each side that make a jump; fewer are late ones."""
MAX_SKEW = 500e-6
TRUST_SECONDS = 10.0
"""A run of this length is believed half of the skew that it shows: over short times jitter shows one, too."""
FOLLOW_SECONDS = 30.0
NS = 1e-9
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Run(NamedTuple):
    """Packets that follow one another in one clock, in the order of their sequence."""

    codec_rate: int
    packets: Ints
    """Indices into the track."""
    start: Floats
    """Where on the time line each begins, in seconds from its zero."""
    end: Floats
    sequence: Ints
    next: tuple[float, int] | None = None
    """Where the run begins that takes over from it, and with which sequence number: the same stream, whose delay or
    clock has made a step."""


class Placed(NamedTuple):
    runs: list[Run]
    packets: int
    duplicates: int
    """Packets that came twice over the network; what a tap sent twice does not count."""


def place(track: Track, zero: int) -> Placed:
    """Orders, cleans and places what a party sent; `zero` is the time line's beginning in ns."""
    if not track.arrival:
        return Placed([], 0, 0)
    keep, duplicates = _different(track)
    runs = [run for stream in _streams(track, keep) for run in _runs(track, stream, zero)]
    return Placed(runs, len(keep), duplicates)


def _different(track: Track) -> tuple[Ints, int]:
    """The packets by SSRC and sequence, each once, and how often one came again over the network."""
    columns = [column(values) for values in (track.ssrc, track.sequence, track.timestamp, track.arrival)]
    order = np.lexsort(columns[::-1])
    different = np.zeros(len(order) - 1, bool)
    for values in columns[:3]:
        different |= np.diff(values[order]) != 0
    changed = different | (np.diff(columns[3][order]) != 0)
    return order[np.concatenate(([True], different))], int(changed.sum() - different.sum())


def _streams(track: Track, packets: Ints) -> list[Ints]:
    """Packets apart by SSRC and by RTP clock; both are sorted by SSRC and sequence already."""
    ssrc = column(track.ssrc)[packets]
    rate = clock_rates(column(track.codec)[packets])
    cuts = np.flatnonzero((np.diff(ssrc) != 0) | (np.diff(rate) != 0)) + 1
    return np.split(packets, cuts)


def _runs(track: Track, packets: Ints, zero: int) -> list[Run]:
    rate = clock_rate(track.codec[int(packets[0])])
    timestamps = column(track.timestamp)[packets]
    sent = np.asarray((timestamps - timestamps[0]) / rate, np.float64)
    arrived = np.asarray((column(track.arrival)[packets] - zero) * NS, np.float64)
    edges = [0, *_jumps(arrived - sent), len(packets)]
    runs = []
    for low, high in itertools.pairwise(edges):
        some = packets[low:high]
        start = sender_line(sent[low:high], arrived[low:high])
        end = start + column(track.duration)[some] / rate
        runs.append(Run(rate, some, start, end, column(track.sequence)[some]))
    following = [(float(run.start[0]), int(run.sequence[0])) for run in runs[1:]]
    return [run._replace(next=next) for run, next in zip(runs, [*following, None], strict=True)]


def _jumps(delay: Floats) -> list[int]:
    """Where a new run begins: the delay steps, and neither comes back nor was there before."""
    jumps: list[int] = []
    for index in np.flatnonzero(np.abs(np.diff(delay)) > JUMP) + 1:
        since = jumps[-1] if jumps else 0
        if min(index - since, len(delay) - index) < FEWEST:
            continue
        before = delay[max(since, index - WINDOW) : index].min()
        after = delay[index : index + WINDOW].min()
        step = delay[index] - delay[index - 1]
        if abs(after - before) > JUMP and (after > before) == (step > 0):
            jumps.append(int(index))
    return jumps


def sender_line(sent: Floats, arrived: Floats) -> Floats:
    """When each packet would have arrived with the least delay, in the unit of `arrived`."""
    base = sent[0]
    sent = sent - base
    skew = _skew(sent, arrived - sent)
    rest = arrived - sent * (1 + skew)
    order, first = _by_time(sent, FOLLOW_SECONDS)
    count = np.diff([*first, len(sent)])
    lowest = np.minimum.reduceat(rest[order], first)
    centre = np.add.reduceat(sent[order], first) / count
    # Of few packets none may have been fast, as in the last seconds of a call.
    many = count >= np.median(count) / 2
    return np.asarray(sent * (1 + skew) + np.interp(sent, centre[many], lowest[many]))


def _by_time(sent: Floats, seconds: float) -> tuple[Ints, Ints]:
    """The packets in order of their stretches of so many seconds, and which of that order are the stretches' first."""
    bins = np.minimum((sent - sent.min()) // seconds, 1e6).astype(np.int32)
    order = np.argsort(bins, kind="stable")
    return order, np.flatnonzero(np.diff(bins[order], prepend=-1))


def _skew(sent: Floats, delay: Floats) -> float:
    """How much faster the receiver's clock runs than the sender's: the slope under the middle of the delays' lower
    hull."""
    hull = _lower_hull(*_lowest_per_second(sent, delay))
    middle = float(sent.mean())
    for (x0, y0), (x1, y1) in itertools.pairwise(hull):
        if x0 <= middle <= x1 and x1 > x0:
            slope = (y1 - y0) / (x1 - x0)
            length = float(sent.max() - sent.min())
            return slope / (1 + (TRUST_SECONDS / length) ** 2) if abs(slope) <= MAX_SKEW else 0.0
    return 0.0


def _lowest_per_second(sent: Floats, delay: Floats) -> tuple[list[float], list[float]]:
    order, first = _by_time(sent, 1.0)
    chosen = [some[delay[some].argmin()] for some in np.split(order, first[1:])]
    return sent[chosen].tolist(), delay[chosen].tolist()


def _lower_hull(xs: list[float], ys: list[float]) -> list[tuple[float, float]]:
    hull: list[tuple[float, float]] = []
    for point in zip(xs, ys, strict=True):
        while len(hull) > 1 and _is_above(hull[-1], hull[-2], point):
            hull.pop()
        hull.append(point)
    return hull


def _is_above(middle: tuple[float, float], left: tuple[float, float], right: tuple[float, float]) -> bool:
    (x0, y0), (x1, y1), (x2, y2) = left, middle, right
    return (y1 - y0) * (x2 - x0) >= (y2 - y0) * (x1 - x0)
