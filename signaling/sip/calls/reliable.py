"""Provisional answers to an INVITE that are repeated until their PRACK comes (RFC 3262 §3)."""

from collections import deque
from collections.abc import Callable

from signaling.sip.core import Core
from signaling.sip.exchanges.transactions import ServerTransaction
from signaling.sip.headers import RAck
from signaling.sip.replies import Answer

MAX_FIRST = 2**31 - 1


class Reliable:
    """One at a time: the next waits for the PRACK of the one before. Without one in 64*T1, `expire(now)` is called."""

    def __init__(self, core: Core, transaction: ServerTransaction, tag: str, expire: Callable[[float], None]) -> None:
        self._core = core
        self._transaction = transaction
        self._tag = tag
        self._expire = expire
        self._number = 1 + int(core.config.draw() * (MAX_FIRST - 1))
        self._waiting: deque[Answer] = deque()
        self._sent: Answer | None = None
        self._data = b""
        self._interval = 0.0

    @property
    def holds_description(self) -> bool:
        """One with a session description is not acknowledged: the 2xx must wait for it (§3)."""
        return any(answer.body for answer in (self._sent, *self._waiting) if answer is not None)

    def send(self, answer: Answer, now: float) -> None:
        self._waiting.append(answer)
        if self._sent is None:
            self._send_next(now)

    def acknowledge(self, rack: RAck, now: float) -> Answer | None:
        """The answer that this PRACK is for; None: it is for none that waits."""
        cseq = self._transaction.arrival.envelope.cseq
        sent = self._sent
        if sent is None or (rack.rseq, rack.number, rack.method) != (self._number, cseq.number, cseq.method):
            return None
        self._stop_timers()
        self._sent = None
        self._number += 1
        if self._waiting:
            self._send_next(now)
        return sent

    def stop(self) -> None:
        """A final answer takes the place of all of them (§3)."""
        self._stop_timers()
        self._sent = None
        self._waiting.clear()

    def handle_timer(self, name: str, now: float) -> None:
        if name == "expire":
            self.stop()
            self._expire(now)
            return
        self._core.send(self._transaction.flow, self._data)
        self._repeat(now)

    def _send_next(self, now: float) -> None:
        self._sent = answer = self._waiting.popleft()
        fields = (*answer.headers, ("Require", "100rel"), ("RSeq", str(self._number)))
        reliable = Answer(answer.status, answer.reason, fields, answer.body)
        self._core.respond(self._transaction, reliable, now, self._tag)
        self._data = self._transaction.latest
        self._interval = self._core.config.timers.t1 / 2
        self._core.deadlines.set(self, "expire", now + self._core.config.timers.timeout)
        self._repeat(now)

    def _repeat(self, now: float) -> None:
        """Doubles, without the bound of T2 (§3)."""
        self._interval *= 2
        self._core.deadlines.set(self, "repeat", now + self._interval)

    def _stop_timers(self) -> None:
        self._core.deadlines.cancel(self, "repeat")
        self._core.deadlines.cancel(self, "expire")
