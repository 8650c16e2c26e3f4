"""Whether a trunk's target is there: it is asked by OPTIONS again and again (RFC 3261 §11).

One lost answer is no outage, and one answer is no recovery: a target is down after FALL failures in a row, and up
after RISE answers. Any answer shows that it is there, but 503, by which it says that it can take no calls.
"""

from collections.abc import Callable
from dataclasses import dataclass

from signaling.sip.core import Core
from signaling.sip.exchanges.transactions import ClientTransaction, Reply
from signaling.sip.flow import Flow
from signaling.sip.headers import CSeq, NameAddr, make_via
from signaling.sip.messages.grammar import Params
from signaling.sip.messages.message import Headers, Request
from signaling.sip.messages.uri import Uri, format_host
from signaling.sip.registering.credentials import Renewal, next_number
from signaling.sip.replies import make_contact

FALL, RISE = 3, 2
PATIENCE = 5.0
"""Seconds that an answer may take, or the whole interval if that is shorter."""
AWAY = (408, 503)


@dataclass(frozen=True, slots=True)
class Watch:
    """Which target is asked how often."""

    trunk: str
    flow: Flow
    interval: float
    """Seconds."""


class Pulse:
    def __init__(self, core: Core, watch: Watch, changed: Callable[["Pulse"], None]) -> None:
        """`changed` is called whenever it is up or down for the first time, or again."""
        self.watch = watch
        self.up: bool | None = None
        """None: not known yet."""
        self.status = 0
        """Of the last answer; 408 for none."""
        self._core = core
        self._changed = changed
        self._run = 0
        """Answers in a row, or failures below zero."""
        self._asked: ClientTransaction | None = None
        """Not judged yet."""
        self._stopped = False

    def begin(self, now: float) -> None:
        """Asks for the first time, at a random moment of the interval: a restarted node does not ask all at once."""
        first = min(self.watch.interval, PATIENCE) * self._core.config.draw()
        self._core.deadlines.set(self, "ask", now + first)

    def stop(self) -> None:
        self._stopped, self._asked = True, None
        for timer in ("ask", "patience"):
            self._core.deadlines.cancel(self, timer)

    def handle_timer(self, name: str, now: float) -> None:
        if name == "ask":
            self._ask(now)
        elif self._asked is not None:
            self._judge(408)

    def handle_response(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        if transaction is self._asked and reply.response.status >= 200:
            self._judge(reply.response.status)

    def handle_failure(self, transaction: ClientTransaction, status: int, now: float) -> None:
        if transaction is self._asked:
            self._judge(408)

    def _ask(self, now: float) -> None:
        interval = self.watch.interval
        self._core.deadlines.set(self, "ask", now + interval * (0.9 + 0.2 * self._core.config.draw()))
        self._core.deadlines.set(self, "patience", now + min(PATIENCE, 0.9 * interval))
        flow = self.watch.flow
        self._asked = self._core.transactions.request(self._make_request(flow), flow, self, now)
        self._asked.renew = Renewal(self._core.wallet, self.watch.trunk, next_number).renew
        self._asked.trunk = self.watch.trunk

    def _judge(self, status: int) -> None:
        self._asked = None
        self._core.deadlines.cancel(self, "patience")
        self.status = status
        good = status not in AWAY
        self._run = max(self._run, 0) + 1 if good else min(self._run, 0) - 1
        if self.up is None or (good is not self.up and (self._run >= RISE or self._run <= -FALL)):
            self._set(good)

    def _set(self, up: bool) -> None:
        self.up = up
        self._changed(self)

    def _make_request(self, flow: Flow) -> Request:
        config = self._core.config
        target = Uri("sips" if flow.transport == "tls" else "sip", "", format_host(flow.remote[0]), flow.remote[1])
        local = Uri("sip", "", format_host(flow.local[0]), flow.local[1])
        fields = (
            ("Via", str(make_via(flow.transport, flow.local, config.new_id()))),
            ("Max-Forwards", "70"),
            ("From", str(NameAddr(local, "", Params((("tag", config.new_id()),))))),
            ("To", str(NameAddr(target))),
            ("Call-ID", config.new_id()),
            ("CSeq", str(CSeq(1, "OPTIONS"))),
            ("Contact", make_contact(flow)),
            ("Accept", "application/sdp"),
            ("User-Agent", config.product),
        )
        return Request("OPTIONS", str(target), Headers(fields))
