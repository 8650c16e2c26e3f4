"""A call that came to us, until it is answered or over (RFC 3261 §13.3)."""

from signaling.sip.bodies import read_sdp
from signaling.sip.core import Core
from signaling.sip.dialog import Dialog
from signaling.sip.envelope import request_uri
from signaling.sip.events import IncomingCall
from signaling.sip.replies import Answer, with_sdp
from signaling.sip.session import Phase, Session, refusal
from signaling.sip.transactions import Arrival, ServerTransaction
from signaling.sip.uri import readable
from vault.pii import Pii


class InboundSession(Session):
    def __init__(self, core: Core, arrival: Arrival, now: float) -> None:
        """Raises ParseError if no dialog can be made of the INVITE."""
        super().__init__(core, core.config.new_id(), arrival.flow, Phase.INVITED)
        self.dialog = Dialog.from_invite(arrival, core.config.new_id())
        self.secure = request_uri(arrival.request).scheme == "sips"
        self._invite = core.transactions.accept(arrival, self, now)

    def begin(self, trunk: str, now: float) -> None:
        """Answers 100 at once, so that the peer stops repeating, and tells of the call."""
        arrival = self._invite.arrival
        self.core.sessions[self.call] = self
        self.core.dialogs[self._get_dialog().id] = self
        self.core.respond(self._invite, Answer(100), now)
        sender = arrival.envelope.sender
        display = readable(sender.display.encode("utf-8", "surrogateescape"))
        called = request_uri(arrival.request).name
        sdp = read_sdp(arrival.request)
        self.core.events.append(
            IncomingCall(self.call, trunk, arrival.flow, Pii(sender.uri.name), Pii(display), called, sdp)
        )

    def ring(self, now: float) -> None:
        self._progress(self._describe(180), now)

    def progress(self, sdp: str, now: float) -> None:
        self._progress(with_sdp(self._describe(183), sdp), now)

    def answer(self, sdp: str, now: float) -> None:
        if self.phase is Phase.INVITED:
            self._respond(with_sdp(self._describe(200), sdp), now)
            self.phase = Phase.ANSWERED
            self._await_ack(self._invite, now)

    def reject(self, status: int, reason: str, now: float) -> None:
        if self.phase is Phase.INVITED:
            self._respond(refusal(status, reason), now)
            self._end("rejected", status)
            self._finish()

    def hang_up(self, now: float, reason: str) -> None:
        if self.phase is Phase.INVITED:
            self.reject(480, reason, now)
        else:
            super().hang_up(now, reason)

    def handle_cancel(self, transaction: ServerTransaction, now: float) -> None:
        if transaction is not self._invite:
            super().handle_cancel(transaction, now)
        elif self.phase is Phase.INVITED:
            self._respond(Answer(487), now)
            self._end("cancel", 487)
            self._finish()

    def handle_timer(self, name: str, now: float) -> None:
        self._invite.repeat()
        self.core.deadlines.set(self, "refresh", now + self.core.config.timers.refresh)

    def flow_closed(self, now: float) -> None:
        super().flow_closed(now)
        if self.phase is Phase.INVITED:
            self._end("lost", 503)
            self._finish()

    def _progress(self, answer: Answer, now: float) -> None:
        if self.phase is Phase.INVITED:
            self._respond(answer, now)
            self.core.deadlines.set(self, "refresh", now + self.core.config.timers.refresh)

    def _respond(self, answer: Answer, now: float) -> None:
        self.core.respond(self._invite, answer, now, self._get_dialog().id[1])
        self.core.deadlines.cancel(self, "refresh")

    def _finish(self) -> None:
        self.core.deadlines.cancel(self, "refresh")
        super()._finish()

    def _decline_offer(self, now: float) -> None:
        if self.phase is Phase.INVITED:
            self._respond(Answer(487), now)
        super()._decline_offer(now)
