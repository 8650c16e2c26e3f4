"""A 2xx to an INVITE, repeated by its user until the ACK comes (RFC 3261 §13.3.1.4)."""

from collections.abc import Callable

from signaling.sip.core import Core
from signaling.sip.flow import Outgoing


class Acceptance:
    """Of the INVITE with this CSeq number. Begins to wait with `start`. When 64*T1 have passed without `stop`,
    `expire(now)` is called."""

    def __init__(self, core: Core, number: int, answer: Outgoing, expire: Callable[[float], None]) -> None:
        self.number = number
        self.answer = answer
        self.late = False
        """Our offer is in the 2xx; the ACK brings the answer."""
        self._core = core
        self._deadlines = core.deadlines
        self._timers = core.config.timers
        self._expire = expire
        self._interval = self._timers.t1

    def start(self, now: float) -> None:
        self._deadlines.set(self, "repeat", now + self._interval)
        self._deadlines.set(self, "expire", now + self._timers.timeout)

    def stop(self) -> None:
        self._deadlines.cancel(self, "repeat")
        self._deadlines.cancel(self, "expire")

    def handle_timer(self, name: str, now: float) -> None:
        if name == "expire":
            self.stop()
            self._expire(now)
            return
        self._core.send(self.answer.flow, self.answer.data)
        self._interval = min(2 * self._interval, self._timers.t2)
        self._deadlines.set(self, "repeat", now + self._interval)
