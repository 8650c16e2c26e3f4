"""How many packets came of streams in regular order, and what their arrivals say of jitter and delay, as columns: the
same as relay.streams.stats.Reception, relay.streams.sequence and relay.playout.delay reckon packet by packet. Pure.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from relay.lines.batch import Column
from relay.mixing.rows import longer
from relay.playout.delay import BUCKET_MS, BUCKETS, FARTHEST, DelaySpread
from relay.playout.jitter import MARGIN_MS, MAX_WAIT_MS, RESET_MS

_SECOND = 1_000_000_000
_EMPTY = FARTHEST, -FARTHEST, -FARTHEST
"""Of a bucket that there is not."""


class PaceStart(msgspec.Struct, frozen=True):
    """As of the last packet that was reckoned by itself."""

    clock: int
    transit: int
    """In units of the clock, as jitter buffers count it."""
    jitter_ms: float
    reported: tuple[float, float]
    """Transit and jitter as reports count them (RFC 3550 appendix A.8)."""
    spread: DelaySpread


class Ending(msgspec.Struct, frozen=True):
    """What came since the run began or was asked."""

    packets: int
    units: int
    """Of their sound, together."""
    octets: int
    """Of their payloads."""
    last_ns: int
    """When the last one came."""
    transit: int
    jitter_ms: float
    reported: tuple[float, float]


class Pace:
    """Rows are the caller's; a row's spread is told what `take` tells of."""

    def __init__(self) -> None:
        self._packets = np.zeros(0, np.int64)
        self._octets = np.zeros(0, np.int64)
        self._clock = np.zeros(0, np.int64)
        self._stamp = np.zeros(0, np.int64)
        """Extended timestamp of the last packet."""
        self._transit = np.zeros(0, np.int64)
        self._reported = np.zeros(0, np.float64)
        self._jitter = np.zeros((0, 2), np.float64)
        """In ms, and as reported."""
        self._since = np.zeros(0, np.int64)
        """When the newest bucket of the spread began."""
        self._buckets = np.zeros((0, BUCKETS, 3), np.int64)
        """Of the spread, the newest last: smallest, the two largest ascending."""
        self._spreads: dict[int, DelaySpread] = {}

    def grow(self, size: int) -> None:
        """There are so many rows from now on."""
        for name, column in [item for item in vars(self).items() if item[0] != "_spreads"]:
            setattr(self, name, longer(column, size - len(column)))

    @property
    def columns(self) -> tuple[Column | npt.NDArray[np.float64], ...]:
        """What relay/lines/_native.c goes on with, in its order; until `grow`."""
        return (
            self._packets, self._octets, self._clock, self._stamp, self._transit, self._reported, self._jitter,
            self._since, self._buckets,
        )  # fmt: skip

    def begin(self, row: int, start: PaceStart, stamp: int) -> None:
        """`stamp`: the timestamp of the last packet before."""
        self._packets[row] = self._octets[row] = 0
        self._clock[row] = start.clock
        self._stamp[row] = stamp
        self._transit[row] = start.transit
        self._reported[row], reported_jitter = start.reported
        self._jitter[row] = start.jitter_ms, reported_jitter
        self._spreads[row] = start.spread
        self._since[row] = start.spread.since
        buckets = start.spread.buckets
        self._buckets[row] = [_EMPTY] * (BUCKETS - len(buckets)) + buckets

    def take(self, row: int, last_ns: int, samples: int) -> Ending:
        """What has come since `begin`, or the last time."""
        packets, octets = int(self._packets[row]), int(self._octets[row])
        self._packets[row] = self._octets[row] = 0
        if packets:
            buckets = [
                (least, second, most) for least, second, most in self._buckets[row].tolist() if least != FARTHEST
            ]
            self._spreads[row].restore(buckets, int(self._since[row]))
        jitter_ms, jitter = self._jitter[row].tolist()
        reported = float(self._reported[row]), jitter
        return Ending(packets, packets * samples, octets, last_ns, int(self._transit[row]), jitter_ms, reported)

    def add(self, rows: Column, arrivals: Column, octets: Column, samples: Column) -> None:
        """A packet of each row; no row is there twice."""
        self._packets[rows] += 1
        self._octets[rows] += octets
        clock, stamp = self._clock[rows], self._stamp[rows] + samples
        self._stamp[rows] = stamp
        now = units(arrivals, clock)
        transit = now - stamp
        reported = arrivals.astype(np.float64) * clock / 1e9 - stamp
        far = self.is_far(rows, transit)
        steps = np.stack(
            (np.abs(transit - self._transit[rows]) * 1000 / clock, np.abs(reported - self._reported[rows])), axis=1
        )
        jitter = self._jitter[rows]
        moved = jitter + (steps - jitter) / 16
        moved[far, 0] = jitter[far, 0]
        self._jitter[rows] = moved
        self._transit[rows], self._reported[rows] = transit, reported
        self._spread_out(rows, transit, now, far)

    def aim(self, rows: Column) -> tuple[Column, Column]:
        """Base and target, as jitter buffers that wait for no copies have them."""
        buckets = self._buckets[rows]
        base = buckets[:, :, 0].min(axis=1)
        spread = np.sort(buckets[:, :, 1:].reshape(len(rows), -1), axis=1)[:, -2] - base
        clock = self._clock[rows]
        return base, np.minimum(spread + clock * MARGIN_MS // 1000, clock * MAX_WAIT_MS // 1000)

    def clock(self, rows: Column) -> Column:
        """Of each of the rows, Hz."""
        return self._clock[rows]

    def is_far(self, rows: Column, transit: Column) -> npt.NDArray[np.bool_]:
        """Whether transits are another clock's."""
        base = self._buckets[rows, :, 0].min(axis=1)
        far: npt.NDArray[np.bool_] = np.abs(transit - base) > self._clock[rows] * RESET_MS // 1000
        return far

    def _spread_out(self, rows: Column, transit: Column, now: Column, far: npt.NDArray[np.bool_]) -> None:
        """Takes transits into the newest buckets, or into new ones."""
        over = far | (now - self._since[rows] >= self._clock[rows] * BUCKET_MS // 1000)
        if over.any():
            self._buckets[rows[far]] = _EMPTY
            self._since[rows[over]] = now[over]
            self._buckets[rows[over], :-1] = self._buckets[rows[over], 1:]
            self._buckets[rows[over], -1] = transit[over, None]
        least, second, most = self._buckets[rows, -1].T
        newest = np.minimum(least, transit), np.maximum(second, np.minimum(most, transit)), np.maximum(most, transit)
        self._buckets[rows, -1] = np.stack(newest, axis=1)


def units(time_ns: Column | np.int64, clock: Column) -> Column:
    """Times in units of clocks, without a product that is too large."""
    seconds, rest = np.divmod(time_ns, _SECOND)
    return seconds * clock + rest * clock // _SECOND
