"""How differently long the packets of a stream were under way: the measure that the jitter buffer follows. Pure.

A packet's transit is its arrival minus its timestamp, in any unit and from any zero. The smallest transit of the last
seconds is the base. The spread is the second largest above it: one straggler in four seconds is not waited for.
"""

from collections import deque
from collections.abc import Iterable

BUCKET_MS = 500
BUCKETS = 8
FARTHEST = 1 << 60
"""Beyond every transit."""


class DelaySpread:
    """The base and the spread of the last four seconds, a handful of numbers each half second."""

    __slots__ = ("_buckets", "_length", "_since", "base", "spread")

    def __init__(self, clock: int) -> None:
        self._length = clock * BUCKET_MS // 1000
        self._buckets: deque[tuple[int, int, int]] = deque(maxlen=BUCKETS)
        self._since = 0
        self.base = 0
        self.spread = 0

    @property
    def known(self) -> bool:
        return bool(self._buckets)

    def forget(self) -> None:
        """The sender's clock began anew."""
        self._buckets.clear()

    @property
    def buckets(self) -> list[tuple[int, int, int]]:
        """Of each half second, the newest last, its smallest transit and its two largest, ascending."""
        return list(self._buckets)

    @property
    def since(self) -> int:
        """When the newest half second began."""
        return self._since

    def restore(self, buckets: Iterable[tuple[int, int, int]], since: int) -> None:
        """What `buckets`, one at least, and `since` have come to elsewhere."""
        self._buckets = deque(buckets, maxlen=BUCKETS)
        self._since = since
        self._measure()

    def add(self, transit: int, now: int) -> None:
        """A packet's transit; `now` in the same unit."""
        if not self._buckets or now - self._since >= self._length:
            self._since = now
            self._buckets.append((transit, transit, transit))
            self._measure()
            return
        least, second, most = self._buckets[-1]
        if transit < least or transit > second:
            ordered = sorted((second, most, transit))
            self._buckets[-1] = (min(least, transit), ordered[1], ordered[2])
            self._measure()

    def _measure(self) -> None:
        self.base = min(bucket[0] for bucket in self._buckets)
        largest = sorted(value for bucket in self._buckets for value in bucket[1:])
        self.spread = largest[-2] - self.base
