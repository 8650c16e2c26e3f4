"""How many packets came of streams in regular order, and what their arrivals say of jitter and delay, as columns: the
same as relay.streams.stats.Reception, relay.streams.sequence and relay.playout.delay reckon packet by packet. Pure.
"""

import msgspec
import numpy as np

from relay.lines.batch import Column
from relay.playout.delay import BUCKET_MS, DelaySpread
from relay.playout.jitter import MARGIN_MS, MAX_WAIT_MS, RESET_MS

_SECOND = 1_000_000_000


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
        self._jitter = np.zeros((2, 0), np.float64)
        """In ms, and as reported."""
        self._bucket = np.zeros((4, 0), np.int64)
        """The newest bucket of the spread: since when, smallest, the two largest ascending."""
        self._before = np.zeros((3, 0), np.int64)
        """Of all buckets before: smallest, the two largest ascending."""
        self._spreads: dict[int, DelaySpread] = {}

    def grow(self, size: int) -> None:
        """There are so many rows from now on."""
        for name, column in [item for item in vars(self).items() if item[0] != "_spreads"]:
            fill = np.zeros((*column.shape[:-1], size - column.shape[-1]), column.dtype)
            setattr(self, name, np.concatenate([column, fill], axis=-1))

    def begin(self, row: int, start: PaceStart, stamp: int) -> None:
        """`stamp`: the timestamp of the last packet before."""
        self._packets[row] = self._octets[row] = 0
        self._clock[row] = start.clock
        self._stamp[row] = stamp
        self._transit[row] = start.transit
        self._reported[row], reported_jitter = start.reported
        self._jitter[:, row] = start.jitter_ms, reported_jitter
        self._spreads[row] = start.spread
        self._load(row)

    def take(self, row: int, last_ns: int, samples: int) -> Ending:
        """What has come since `begin`, or the last time."""
        packets, octets = int(self._packets[row]), int(self._octets[row])
        self._packets[row] = self._octets[row] = 0
        if packets:
            self._spreads[row].set_bucket(self._newest(row))
        jitter_ms, jitter = self._jitter[:, row].tolist()
        reported = float(self._reported[row]), jitter
        return Ending(packets, packets * samples, octets, last_ns, int(self._transit[row]), jitter_ms, reported)

    def add(self, rows: Column, arrivals: Column, octets: Column, samples: Column) -> None:
        """A packet of each row; no row is there twice."""
        self._packets[rows] += 1
        self._octets[rows] += octets
        clock, stamp = self._clock[rows], self._stamp[rows] + samples
        self._stamp[rows] = stamp
        seconds, rest = np.divmod(arrivals, _SECOND)
        now = seconds * clock + rest * clock // _SECOND
        transit = now - stamp
        reported = arrivals.astype(np.float64) * clock / 1e9 - stamp
        far = self._spread_out(rows, transit, now)
        steps = np.stack(
            (np.abs(transit - self._transit[rows]) * 1000 / clock, np.abs(reported - self._reported[rows]))
        )
        jitter = self._jitter[:, rows]
        moved = jitter + (steps - jitter) / 16
        moved[0, far] = jitter[0, far]
        self._jitter[:, rows] = moved
        self._transit[rows], self._reported[rows] = transit, reported

    def aim(self, rows: Column) -> tuple[Column, Column]:
        """Base and target, as jitter buffers that wait for no copies have them."""
        _, least, second, most = self._bucket[:, rows]
        least_before, second_before, most_before = self._before[:, rows]
        base = np.minimum(least, least_before)
        spread = np.maximum(np.minimum(most, most_before), np.maximum(second, second_before)) - base
        clock = self._clock[rows]
        return base, np.minimum(spread + clock * MARGIN_MS // 1000, clock * MAX_WAIT_MS // 1000)

    def _spread_out(self, rows: Column, transit: Column, now: Column) -> Column:
        """Takes transits into the newest buckets; returns the places of those that are another clock's."""
        since, least, second, most = self._bucket[:, rows]
        clock = self._clock[rows]
        base = np.minimum(self._before[0, rows], least)
        far = np.abs(transit - base) > clock * RESET_MS // 1000
        over = np.flatnonzero(far | (now - since >= clock * BUCKET_MS // 1000))
        self._bucket[1, rows] = np.minimum(least, transit)
        self._bucket[2, rows] = np.maximum(second, np.minimum(most, transit))
        self._bucket[3, rows] = np.maximum(most, transit)
        for place in over.tolist():
            row, spread = int(rows[place]), self._spreads[int(rows[place])]
            spread.set_bucket((int(least[place]), int(second[place]), int(most[place])))
            if far[place]:
                spread.forget()
            spread.add(int(transit[place]), int(now[place]))
            self._load(row)
        return np.flatnonzero(far)

    def _load(self, row: int) -> None:
        spread = self._spreads[row]
        self._bucket[:, row] = spread.bucket
        self._before[:, row] = spread.before

    def _newest(self, row: int) -> tuple[int, int, int]:
        _, least, second, most = self._bucket[:, row].tolist()
        return least, second, most
