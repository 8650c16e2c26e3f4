"""A call that came to us, until it is answered or over (RFC 3261 §13.3)."""

from dataclasses import replace

from signaling.sip.abilities import Abilities
from signaling.sip.calls.dialog import Dialog
from signaling.sip.calls.phase import Phase
from signaling.sip.calls.reliable import Reliable
from signaling.sip.calls.session import Session, read_reason
from signaling.sip.core import Core
from signaling.sip.errors import ParseError
from signaling.sip.events import IncomingCall, OfferAnswered
from signaling.sip.exchanges.transactions import Arrival, ServerTransaction
from signaling.sip.headers import RAck
from signaling.sip.headers.identity import read_called, read_identity
from signaling.sip.messages.bodies import read_sdp
from signaling.sip.messages.envelope import request_uri
from signaling.sip.messages.message import Request
from signaling.sip.messages.uri import readable
from signaling.sip.replies import Answer, refusal, with_sdp
from vault.pii import Pii


class InboundSession(Session):
    def __init__(self, core: Core, arrival: Arrival, now: float) -> None:
        """Raises ParseError if no dialog can be made of the INVITE."""
        super().__init__(core, core.config.new_id(), arrival.flow, Phase.INVITED)
        self.dialog = Dialog.from_invite(arrival, core.config.new_id())
        self.secure = request_uri(arrival.request).scheme == "sips"
        self.peer = Abilities.read(arrival.request.headers)
        self._invite = core.transactions.accept(arrival, self, now)
        self._has_offer = read_sdp(arrival.request) is not None
        self._reliable = Reliable(core, self._invite, self.local_tag, self._not_acknowledged)
        self._described = False
        """Our description went with a reliable provisional answer: the 2xx does not repeat it (RFC 6337 §3.1)."""
        self._settled = False
        self._held: str | None = None
        """Our answer, while the 2xx must wait for a PRACK."""
        self._replaced: Session | None = None

    def begin(self, trunk: str, replaced: Session | None, now: float) -> None:
        """Answers 100 at once, so that the peer stops repeating, and tells of the call."""
        arrival = self._invite.arrival
        self._replaced = replaced
        self.trunk = trunk
        self.core.sessions[self.call] = self
        self.core.changed.add(self.call)
        self.core.dialogs[self.get_dialog().id] = self
        self.core.respond(self._invite, Answer(100), now)
        sender = arrival.envelope.sender
        display = readable(sender.display.encode("utf-8", "surrogateescape"))
        called = request_uri(arrival.request).name
        event = IncomingCall(
            self.call, trunk, arrival.flow, Pii(sender.uri.name), Pii(display), called, read_sdp(arrival.request)
        )
        identity = read_identity(arrival.request.headers)
        addressed = read_called(arrival.request.headers) or arrival.envelope.receiver.uri.name
        other = replaced.call if replaced else None
        self.core.events.append(replace(event, identity=identity, replaces=other, addressed=addressed))

    def ring(self, now: float) -> None:
        self._progress(self.describe(180), "100rel" in self._required, now)

    def progress(self, sdp: str, now: float) -> None:
        reliable = "100rel" in self.peer.extensions
        if self._described or (not self._has_offer and not reliable):
            # RFC 3261 §13.2.1: only a reliable message may bring the first offer, and an answer is given once.
            self._progress(self.describe(183), "100rel" in self._required, now)
            return
        if self.phase is Phase.INVITED and reliable:
            self._described = True
            self.offers.local = sdp
        self._progress(with_sdp(self.describe(183), sdp), reliable, now)

    def answer(self, sdp: str, now: float) -> None:
        if self.phase is not Phase.INVITED:
            return
        if self._reliable.holds_description:
            self._held = sdp
            return
        answer = self.describe(200)
        answer = replace(
            answer, headers=(*answer.headers, *self.timer.grant(self._invite.arrival.request.headers, now))
        )
        if not self._described:
            self.offers.local = sdp
        self._respond(answer if self._described else with_sdp(answer, sdp), now)
        self.phase = Phase.ANSWERED
        self.await_ack(self._invite, now, late=not self._has_offer and not self._described)
        if self._replaced is not None:
            self._replaced.give_way(now)

    def reject(self, status: int, reason: str, now: float) -> None:
        if self.phase is Phase.INVITED:
            self._refuse(refusal(status, reason), now)
            self._end("rejected", status)
            self._finish(now)

    def hang_up(self, now: float, reason: str) -> None:
        if self.phase is Phase.INVITED:
            self.reject(480, reason, now)
        else:
            super().hang_up(now, reason)

    def handle_cancel(self, transaction: ServerTransaction, cancel: Request, now: float) -> None:
        if transaction is not self._invite:
            super().handle_cancel(transaction, cancel, now)
        elif self.phase is Phase.INVITED:
            self._refuse(Answer(487), now)
            self._end("cancel", 487, read_reason(cancel))
            self._finish(now)

    def handle_prack(self, transaction: ServerTransaction, now: float) -> None:
        request = transaction.arrival.request
        try:
            rack = RAck.parse(request.headers.get("RAck") or "")
        except ParseError as error:
            self.core.respond(transaction, Answer(error.status, error.phrase), now)
            return
        acknowledged = self._reliable.acknowledge(rack, now)
        if acknowledged is None:
            self.core.respond(transaction, Answer(481), now)
            return
        sdp = read_sdp(request)
        if acknowledged.body and not self._settled:
            self._settled = self._has_offer or sdp is not None
            if not self._has_offer:
                self.core.respond(transaction, Answer(200), now)
                self.core.events.append(OfferAnswered(self.call, sdp))
                self._go_on(now)
                return
        if sdp is not None and self._refuse_offer(request) is None:
            self.offers.take(transaction, sdp)
        else:
            self.core.respond(transaction, Answer(200) if sdp is None else Answer(491), now)
        self._go_on(now)

    @property
    def is_settled(self) -> bool:
        return super().is_settled or (self.phase is Phase.INVITED and self._settled)

    def handle_timer(self, name: str, now: float) -> None:
        self._invite.repeat()
        self.core.deadlines.set(self, "refresh", now + self.core.config.timers.refresh)

    def flow_closed(self, now: float) -> None:
        super().flow_closed(now)
        if self.phase is Phase.INVITED:
            self._end("lost", 503)
            self._finish(now)

    @property
    def _required(self) -> list[str]:
        return [tag.lower() for tag in self._invite.arrival.request.headers.items("Require")]

    def _progress(self, answer: Answer, reliable: bool, now: float) -> None:
        if self.phase is not Phase.INVITED:
            return
        if reliable:
            self._reliable.send(answer, now)
        else:
            self._respond(answer, now)
        self.core.deadlines.set(self, "refresh", now + self.core.config.timers.refresh)

    def _go_on(self, now: float) -> None:
        """A PRACK has come that the 2xx, or an offer of ours, may have waited for."""
        if self._held is not None and not self._reliable.holds_description:
            held, self._held = self._held, None
            self.answer(held, now)
        else:
            self.offers.go_on(now)

    def _not_acknowledged(self, now: float) -> None:
        """RFC 3262 §3: without PRACK the INVITE fails."""
        if self.phase is Phase.INVITED:
            self._refuse(Answer(504), now)
            self._end("timeout", 504)
            self._finish(now)

    def _refuse(self, answer: Answer, now: float) -> None:
        self.offers.reject(Answer(487), now)
        self._respond(answer, now)

    def _respond(self, answer: Answer, now: float) -> None:
        if answer.status >= 200:
            self._reliable.stop()
        self.core.respond(self._invite, answer, now, self.local_tag)
        self.core.deadlines.cancel(self, "refresh")

    def _finish(self, now: float) -> None:
        self.core.deadlines.cancel(self, "refresh")
        self._reliable.stop()
        super()._finish(now)

    def _stop_parts(self, now: float) -> None:
        if self.phase is Phase.INVITED:
            self._respond(Answer(487), now)
        super()._stop_parts(now)
