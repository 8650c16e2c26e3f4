"""A 2xx to an INVITE, repeated by its user until the ACK comes (RFC 3261 §13.3.1.4)."""

from collections.abc import Callable

from signaling.sip.config import Timers
from signaling.sip.deadlines import Deadlines
from signaling.sip.transactions import ServerTransaction


class Acceptance:
    """Begins to wait with `start`. When 64*T1 have passed without `stop`, `expire(now)` is called."""

    def __init__(
        self, transaction: ServerTransaction, deadlines: Deadlines, timers: Timers, expire: Callable[[float], None]
    ) -> None:
        self.number = transaction.arrival.envelope.cseq.number
        self.late = False
        """Our offer is in the 2xx; the ACK brings the answer."""
        self._transaction = transaction
        self._deadlines = deadlines
        self._timers = timers
        self._expire = expire
        self._interval = timers.t1

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
        self._transaction.repeat()
        self._interval = min(2 * self._interval, self._timers.t2)
        self._deadlines.set(self, "repeat", now + self._interval)
