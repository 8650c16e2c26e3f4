"""A circuit breaker: after some failures in a row a service is left alone, then asked by one at a time. Pure."""

FAILURES = 3
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0


class Breaker:
    """How many may ask a service at once. Times are seconds on any one clock."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._failures = 0
        self._closed_at = 0.0
        """While it is open: when the next one may try."""

    @property
    def open(self) -> bool:
        return self._failures >= FAILURES

    def room(self, now: float, asking: int) -> int:
        """How many more may ask now, when so many do already."""
        if not self.open:
            return self._width - asking
        return 1 - min(asking, 1) if now >= self._closed_at else 0

    def next_try(self) -> float:
        """When there may be room again, as far as it is a matter of time."""
        return self._closed_at if self.open else 0.0

    def failed(self, now: float, jitter: float) -> None:
        """`jitter`: 0.5 to 1, so that many who lost the same service do not come back in step."""
        self._failures += 1
        if self.open:
            pause = min(FIRST_PAUSE * 2.0 ** min(self._failures - FAILURES, 32), LONGEST_PAUSE)
            self._closed_at = now + pause * jitter

    def succeeded(self) -> None:
        self._failures = 0
        self._closed_at = 0.0
