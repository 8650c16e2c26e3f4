"""How many calls a trunk may have at once, and how many may begin in a second, both directions together. Pure."""

from collections import Counter
from collections.abc import Callable

from signaling.center.resources import Trunk
from signaling.sip.strangers import Buckets

Key = tuple[str, str]
"""Direction and name of a call."""


class TrunkLimits:
    """Calls are admitted by trunk, and released by their name. A trunk may begin a second's worth of calls at once."""

    def __init__(self, named: Callable[[str], Trunk | None]) -> None:
        """`named`: a trunk by its unique name."""
        self._named = named
        self._calls: dict[Key, str] = {}
        self._running: Counter[str] = Counter()
        self._rates: dict[str, Buckets] = {}
        self.refused: Counter[tuple[str, str]] = Counter()
        """By trunk and reason, "calls" or "rate"."""

    def admit(self, trunk: str, key: Key, now: float) -> bool:
        """Whether one more call may begin; it counts from now on. Any trunk that is not known has no limits."""
        limits = self._named(trunk)
        if limits is not None and limits.max_calls and self._running[trunk] >= limits.max_calls:
            self.refused[trunk, "calls"] += 1
            return False
        if limits is not None and limits.max_rate and not self._bucket(trunk, limits.max_rate).take(trunk, now):
            self.refused[trunk, "rate"] += 1
            return False
        self.hold(trunk, key)
        return True

    def hold(self, trunk: str, key: Key) -> None:
        """Counts a call that is there already, whatever the limits."""
        if key not in self._calls:
            self._calls[key] = trunk
            self._running[trunk] += 1

    def release(self, key: Key) -> None:
        """The call is over; nothing happens for one that was never admitted."""
        trunk = self._calls.pop(key, None)
        if trunk is not None:
            self._running[trunk] -= 1

    def running(self, trunk: str) -> int:
        return self._running[trunk]

    def _bucket(self, trunk: str, rate: float) -> Buckets:
        if trunk not in self._rates:
            self._rates[trunk] = Buckets(rate, max(rate, 1.0), 1)
        return self._rates[trunk]
