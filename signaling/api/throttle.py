"""Counts tries a key and says when there were too many. Pure."""

from collections import OrderedDict, deque

KEYS = 20_000


class Throttle:
    """At most `limit` tries in any `window` seconds for one key. Of too many keys, the least recent is forgotten."""

    def __init__(self, limit: int, window: float, keys: int = KEYS) -> None:
        self._limit = limit
        self._window = window
        self._keys = keys
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Seconds until this key may try again; 0: now."""
        tries = self._tries.get(key)
        if not tries:
            return 0.0
        while tries and tries[0] <= now - self._window:
            tries.popleft()
        return tries[0] + self._window - now if len(tries) >= self._limit else 0.0

    def note(self, key: str, now: float) -> None:
        """Counts a try."""
        self._tries.setdefault(key, deque(maxlen=self._limit)).append(now)
        self._tries.move_to_end(key)
        if len(self._tries) > self._keys:
            self._tries.popitem(last=False)

    def take_back(self, key: str, at: float) -> None:
        """Uncounts a try made at `at`, because it was a good one."""
        if at in (tries := self._tries.get(key, deque())):
            tries.remove(at)

    def forgive(self, key: str) -> None:
        """Forgets all tries of the key."""
        self._tries.pop(key, None)

    def __len__(self) -> int:
        return len(self._tries)
