"""How fast one client may speak."""


class Pace:
    """A bucket that holds `burst` messages and fills with `rate` a second."""

    def __init__(self, rate: float = 20.0, burst: int = 100) -> None:
        self._rate = rate
        self._burst = burst
        self._left = float(burst)
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Takes one message out; False if there is none left."""
        if self._at is not None:
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
