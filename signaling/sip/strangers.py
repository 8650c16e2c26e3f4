"""What is kept of those who are no trunk: how much they have sent lately, in tables that cannot grow."""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass


def source_of(host: str) -> str:
    """Whom an address counts for: IPv6 hosts own a /64 each (RFC 6177), and with it as many addresses as they like."""
    if ":" not in host:
        return host
    try:
        return str(ipaddress.IPv6Network((host, 64), strict=False).network_address)
    except ValueError:
        return host


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    """When it had so many."""


class Buckets:
    """Token buckets by source: `rate` a second, `burst` at once. Who is not among the `size` remembered ones shares one
    bucket with all others like him, so that many sources together get no more than a few."""

    def __init__(self, rate: float, burst: float, size: int) -> None:
        self._rate = rate
        self._burst = burst
        self._size = size
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._others = _Bucket(burst, 0.0)

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, source: str, now: float) -> bool:
        """Whether the source has a token left; it is taken."""
        bucket = self._find(source, now)
        self._fill(bucket, now)
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True

    def give_back(self, source: str) -> None:
        """It was not what the bucket is there to limit."""
        bucket = self._buckets.get(source)
        if bucket is not None:
            bucket.tokens = min(bucket.tokens + 1.0, self._burst)

    def _find(self, source: str, now: float) -> _Bucket:
        bucket = self._buckets.get(source)
        if bucket is None:
            if len(self._buckets) >= self._size and not self._make_room(now):
                return self._others
            bucket = self._buckets[source] = _Bucket(self._burst, now)
        self._buckets.move_to_end(source)
        return bucket

    def _make_room(self, now: float) -> bool:
        """The one that was quiet longest is forgotten, if it is as good as new."""
        source, bucket = next(iter(self._buckets.items()))
        self._fill(bucket, now)
        if bucket.tokens < self._burst:
            return False
        del self._buckets[source]
        return True

    def _fill(self, bucket: _Bucket, now: float) -> None:
        bucket.tokens = min(bucket.tokens + (now - bucket.at) * self._rate, self._burst)
        bucket.at = now
