"""Offer and answer within one call: one open at a time (RFC 3264 §4, RFC 3261 §14, RFC 3311 §5)."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from signaling.sip.calls.dialog import Outline
from signaling.sip.errors import ParseError
from signaling.sip.events import CallOffer, OfferAnswered, OfferRefused, OfferWithdrawn
from signaling.sip.exchanges.table import Event
from signaling.sip.exchanges.transactions import ClientTransaction, Reply, ServerTransaction
from signaling.sip.flow import Flow
from signaling.sip.headers.expiry import parse_retry_after
from signaling.sip.messages.bodies import SDP, read_sdp
from signaling.sip.messages.message import Response
from signaling.sip.replies import Answer, with_sdp

if TYPE_CHECKING:
    from signaling.sip.calls.session import Session

MAX_TRIES = 8
"""Of an offer of ours that meets the peer's own each time."""
MAX_RETRY_AFTER = 32
"""Seconds that we let a peer put off our offer; who wants more has refused it."""


@dataclass(slots=True)
class Ours:
    """An offer of ours that is on its way, or waits its turn."""

    sdp: str
    is_refresh: bool = False
    """The same description again, for the session timer: nobody is told."""
    tries: int = 0
    transaction: ClientTransaction | None = None


class Offers:
    """Of a call that has a dialog. The session asks before a peer's offer is taken, and tells when its phase allows one
    of ours."""

    def __init__(self, session: "Session") -> None:
        self.local = ""
        """The description that we gave last."""
        self._session = session
        self._theirs: ServerTransaction | None = None
        self._ours: Ours | None = None
        self._next: Ours | None = None
        """What is wanted while ours is on its way."""
        self._sent: ClientTransaction | None = None
        """Our latest, until its final answer."""
        self._acks: dict[ClientTransaction, tuple[Flow, bytes]] = {}

    # The peer's.

    @property
    def is_busy(self) -> bool:
        """An offer of the peer is open."""
        return self._theirs is not None

    @property
    def crosses(self) -> bool:
        """An offer of ours is on its way: the peer's gets 491."""
        transaction = self._ours.transaction if self._ours is not None else None
        return transaction is not None and bool(transaction.request.body)

    def postpone(self) -> Answer:
        """§14.2: a random time, so that both sides do not meet again."""
        return Answer(500, "", (("Retry-After", str(int(self._session.core.config.draw() * 11))),))

    def take(self, transaction: ServerTransaction, sdp: str | None) -> None:
        self._theirs = transaction
        self._session.core.events.append(CallOffer(self._session.call, sdp))

    def accept(self, sdp: str, now: float) -> None:
        transaction, self._theirs = self._theirs, None
        if transaction is None:
            return
        session, request = self._session, transaction.arrival.request
        answer = session.describe(200)
        if request.method in ("INVITE", "UPDATE"):
            answer = replace(answer, headers=(*answer.headers, *session.timer.grant(request.headers, now)))
        self.local = sdp
        session.core.respond(transaction, with_sdp(answer, sdp), now)
        if request.method == "INVITE":
            session.await_ack(transaction, now, late=read_sdp(request) is None)
        self.go_on(now)

    def reject(self, answer: Answer, now: float) -> None:
        transaction, self._theirs = self._theirs, None
        if transaction is not None:
            self._session.core.respond(transaction, answer, now)
            self.go_on(now)

    def withdraw(self, transaction: ServerTransaction, now: float) -> bool:
        """A CANCEL came; whether it was for the open offer."""
        if transaction is not self._theirs or transaction.arrival.request.method != "INVITE":
            return False
        self.reject(Answer(487), now)
        self._session.core.events.append(OfferWithdrawn(self._session.call))
        return True

    # Ours.

    def want(self, sdp: str, now: float) -> None:
        """Offers it as soon as it can be; one that waits gives way to it."""
        if self._ours is not None and self._ours.transaction is not None:
            # The one on its way will be answered; what is wanted now follows it.
            self._next = Ours(sdp)
            return
        self._session.core.deadlines.cancel(self, "retry")
        self._ours = Ours(sdp)
        self.go_on(now)

    def refresh(self, now: float) -> None:
        """Our turn to show that the call is alive (RFC 4028 §10); any offer of ours does it too."""
        if self._ours is None:
            self._ours = Ours(self.local, is_refresh=True)
            self.go_on(now)

    def go_on(self, now: float) -> None:
        """Something has ended that an offer of ours may have waited for."""
        ours = self._ours
        if ours is None or ours.transaction is not None or self._theirs is not None or not self._session.may_offer:
            return
        ours.tries += 1
        self.local = ours.sdp
        self._sent = ours.transaction = self._session.send(self._outline(ours), self, now)
        self._session.core.deadlines.set(self, "final", now + self._session.core.config.timers.c)

    def handle_timer(self, name: str, now: float) -> None:
        if name == "retry":
            self.go_on(now)
        elif self._sent is not None:
            # A peer that has said 100 may never say more, above all when the call has ended on its side.
            self._sent.step(Event.ABANDON, now)
            self.handle_failure(self._sent, 408, now)

    def stop(self, now: float) -> None:
        """The call is over."""
        self._session.core.deadlines.cancel(self, "retry")
        self._ours = self._next = None
        if self._sent is not None:
            self._session.core.deadlines.set(self, "final", now + self._session.core.config.timers.timeout)

    def handle_response(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        if reply.response.status < 200:
            return
        if transaction in self._acks:
            self._session.core.send(*self._acks[transaction])
            return
        self._forget(transaction)
        if reply.response.status < 300:
            self._succeed(transaction, reply, now)
        else:
            self._fail(transaction, reply.response, now)

    def handle_failure(self, transaction: ClientTransaction, status: int, now: float) -> None:
        self._forget(transaction)
        self._fail(transaction, Response(status, ""), now)

    def _forget(self, transaction: ClientTransaction) -> None:
        if transaction is self._sent:
            self._sent = None
            self._session.core.deadlines.cancel(self, "final")

    def _outline(self, ours: Ours) -> Outline:
        session = self._session
        fields = (*session.describe(200).headers, *session.timer.request_fields())
        if ours.is_refresh and ("UPDATE" in session.peer.methods or not ours.sdp):
            return Outline("UPDATE", fields)
        method = "INVITE" if session.is_confirmed else "UPDATE"
        return Outline(method, (*fields, ("Content-Type", SDP)), ours.sdp.encode())

    def _succeed(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        session, ours = self._session, self._end(transaction)
        if transaction.request.method == "INVITE":
            self._acks = {transaction: session.send_ack(session.get_dialog(), None, transaction.request)}
        if ours is None:
            return
        session.take_success(reply, now)
        sdp = read_sdp(reply.response)
        if not ours.is_refresh:
            event = OfferRefused(session.call, 500) if sdp is None else OfferAnswered(session.call, sdp)
            session.core.events.append(event)
        self._advance(now)

    def _fail(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        session, ours = self._session, self._end(transaction)
        if ours is None:
            return
        if response.status in (408, 481):
            # §12.2.1.2: the peer has no such call any more, or is not there.
            session.lose(response.status, now)
            return
        delay = self._retry_delay(response)
        if delay is not None and ours.tries < MAX_TRIES and self._next is None:
            self._ours = Ours(ours.sdp, ours.is_refresh, ours.tries)
            session.core.deadlines.set(self, "retry", now + delay)
            return
        if not ours.is_refresh:
            session.core.events.append(OfferRefused(session.call, response.status))
        self._advance(now)

    def _end(self, transaction: ClientTransaction) -> Ours | None:
        """The offer that this was, unless the call has ended meanwhile."""
        ours = self._ours
        if ours is None or ours.transaction is not transaction:
            return None
        self._ours = None
        return ours

    def _advance(self, now: float) -> None:
        self._ours, self._next = self._next, None
        self.go_on(now)

    def _retry_delay(self, response: Response) -> float | None:
        """Seconds until another try; None: this was the answer."""
        draw = self._session.core.config.draw()
        if response.status == 491:
            # §14.1: he who made the Call-ID waits longer, in steps of 10 ms.
            return 2.1 + round(190 * draw) / 100 if self._session.owns_call_id else round(200 * draw) / 100
        if response.status == 422 and self._session.timer.raise_minimum(response.headers):
            return 0.0
        if response.status in (500, 503):
            try:
                after = parse_retry_after(response.headers.get("Retry-After") or "")
            except ParseError:
                return None
            return after + draw if after <= MAX_RETRY_AFTER else None
        return None
