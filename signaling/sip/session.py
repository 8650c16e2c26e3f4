"""A call that has a dialog: what both sides may do in it (RFC 3261 §14, §15; RFC 3311)."""

import zlib
from dataclasses import replace
from enum import Enum

from signaling.sip.acceptance import Acceptance
from signaling.sip.bodies import DTMF_RELAY, read_sdp
from signaling.sip.core import Core
from signaling.sip.dialog import Dialog
from signaling.sip.digits import KINDS, read_digit, write_digit
from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.events import (
    CallAnswered,
    CallEnded,
    CallOffer,
    Cause,
    DigitPressed,
    OfferAnswered,
    OfferWithdrawn,
)
from signaling.sip.flow import Flow
from signaling.sip.grammar import quote, refuse_breaks
from signaling.sip.replies import METHODS, Answer, make_contact, with_sdp
from signaling.sip.transactions import Arrival, ClientTransaction, Reply, ServerTransaction


class Phase(Enum):
    INVITED = "invited"
    """Inbound, no final answer yet."""
    ANSWERED = "answered"
    """Inbound, 2xx sent, ACK awaited."""
    CALLING = "calling"
    """Outbound, no final answer yet."""
    CANCELLING = "cancelling"
    """Outbound, no longer wanted, final answer awaited."""
    OFFERED = "offered"
    """Outbound, 2xx with an offer came; the ACK waits for our answer."""
    UP = "up"
    CLOSING = "closing"
    """Over for our side; BYE may be sent only after the ACK (§15)."""
    LEAVING = "leaving"
    """BYE sent."""
    OVER = "over"


GONE = (Phase.CLOSING, Phase.LEAVING, Phase.OVER)
"""The call has ended for our side."""


class Session:
    def __init__(self, core: Core, call: str, flow: Flow, phase: Phase) -> None:
        self.core = core
        self.call = call
        self.flow = flow
        """The way of the peer's last request, or of our own first."""
        self.phase = phase
        self.dialog: Dialog | None = None
        self.secure = False
        """The call is for a SIPS URI."""
        self._acceptance: Acceptance | None = None
        self._offer: ServerTransaction | None = None
        self._bye: ClientTransaction | None = None
        self._ended = False

    # What the peer sends.

    def receive(self, arrival: Arrival, now: float) -> None:
        """A request in the dialog, other than ACK and CANCEL."""
        transaction = self.core.transactions.accept(arrival, self, now)
        if self._get_dialog().admit(arrival):
            self.flow = arrival.flow
            _handlers[arrival.request.method](self, transaction, now)
        else:
            self.core.respond(transaction, Answer(500, "Old CSeq"), now)

    def acknowledge(self, arrival: Arrival, now: float) -> None:
        if self._acceptance is None or self._acceptance.number != arrival.envelope.cseq.number:
            self.core.counters.unmatched += 1
            return
        self._confirm(read_sdp(arrival.request), now)

    def handle_cancel(self, transaction: ServerTransaction, now: float) -> None:
        if transaction is self._offer and transaction.arrival.request.method == "INVITE":
            self._offer = None
            self.core.respond(transaction, Answer(487), now)
            self.core.events.append(OfferWithdrawn(self.call))

    def handle_response(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        if transaction is self._bye and reply.response.status >= 200:
            self._finish()

    def handle_failure(self, transaction: ClientTransaction, status: int, now: float) -> None:
        if transaction is self._bye:
            self._finish()

    def flow_closed(self, now: float) -> None:
        """The connection is gone; the call goes on, and what is next to be sent opens a new one."""
        self.flow = Flow(self.flow.transport, self.flow.local, self.flow.remote)

    # What our side wants. A command for which it is too late does nothing.

    def ring(self, now: float) -> None:
        """Only an inbound call rings."""

    def progress(self, sdp: str, now: float) -> None:
        """Only an inbound call has progress of ours."""

    def answer(self, sdp: str, now: float) -> None:
        """Only an inbound call is answered."""

    def reject(self, status: int, reason: str, now: float) -> None:
        """Only an inbound call is rejected."""

    def accept_offer(self, sdp: str, now: float) -> None:
        transaction = self._offer
        if transaction is None:
            return
        self._offer = None
        self.core.respond(transaction, with_sdp(self._describe(200), sdp), now)
        if transaction.arrival.request.method == "INVITE":
            self._await_ack(transaction, now)

    def reject_offer(self, status: int, reason: str, now: float) -> None:
        if self._offer is not None:
            self.core.respond(self._offer, refusal(status, reason), now)
            self._offer = None

    def hang_up(self, now: float, reason: str) -> None:
        """Ends the call in the way that fits its phase; here: after the answer."""
        if self.phase is Phase.UP:
            self._leave(now, reason)
            self._end("bye", 200)
        elif self.phase is Phase.ANSWERED:
            self.phase = Phase.CLOSING
            self._end("bye", 200)

    def press(self, digit: str, duration_ms: int, now: float) -> None:
        """Tells the peer of a digit by INFO; whether it takes it is not waited for."""
        if self.phase is Phase.UP:
            dialog = self._get_dialog()
            flow = dialog.next_flow(self.flow)
            info = dialog.make_request("INFO", flow, self.core.config.new_id())
            headers = info.headers.add(("Content-Type", DTMF_RELAY))
            info = replace(info, headers=headers, body=write_digit(digit, duration_ms))
            self.core.transactions.request(info, flow, self, now)

    # Parts of both.

    @property
    def local_tag(self) -> str:
        return self._get_dialog().id[1]

    def _get_dialog(self) -> Dialog:
        if self.dialog is None:
            raise AssertionError("only a session with a dialog gets here")
        return self.dialog

    def _describe(self, status: int) -> Answer:
        """An answer with our Contact and abilities."""
        contact = make_contact(self.flow, self.secure and self.flow.transport == "tls")
        return Answer(status, "", (("Contact", contact), ("Allow", ", ".join(METHODS))))

    def _await_ack(self, transaction: ServerTransaction, now: float) -> None:
        self._acceptance = Acceptance(transaction, self.core.deadlines, self.core.config.timers, self._expire)
        self._acceptance.start(now)

    def _confirm(self, sdp: str | None, now: float) -> None:
        """The ACK has come, or a request that the peer can only send after it got the 2xx."""
        late = self._stop_acceptance()
        if self.phase is Phase.CLOSING:
            self._leave(now, "")
        elif self.phase is Phase.ANSWERED:
            self.phase = Phase.UP
            self.core.events.append(CallAnswered(self.call, sdp if late else None))
        elif late and self.phase is Phase.UP:
            self.core.events.append(OfferAnswered(self.call, sdp))

    def _stop_acceptance(self) -> bool:
        acceptance, self._acceptance = self._acceptance, None
        if acceptance is None:
            return False
        acceptance.stop()
        return acceptance.late

    def _expire(self, now: float) -> None:
        self._acceptance = None
        self._leave(now, "")
        self._end("timeout", 408)

    def _leave(self, now: float, reason: str) -> None:
        fields = (("Reason", f"SIP;cause=200;text={quote(reason)}"),) if reason else ()
        self._decline_offer(now)
        self._stop_acceptance()
        self.phase = Phase.LEAVING
        dialog = self._get_dialog()
        flow = dialog.next_flow(self.flow)
        bye = dialog.make_request("BYE", flow, self.core.config.new_id())
        bye = replace(bye, headers=bye.headers.add(("User-Agent", self.core.config.product), *fields))
        self._bye = self.core.transactions.request(bye, flow, self, now)

    def _decline_offer(self, now: float) -> None:
        self.reject_offer(487, "", now)

    def _end(self, cause: Cause, status: int) -> None:
        if not self._ended:
            self._ended = True
            self.core.events.append(CallEnded(self.call, cause, status))

    def _finish(self) -> None:
        self.phase = Phase.OVER
        self._stop_acceptance()
        self.core.forget(self)

    # Requests of the peer in the dialog.

    def _handle_bye(self, transaction: ServerTransaction, now: float) -> None:
        self.core.respond(transaction, Answer(200), now)
        self._decline_offer(now)
        self._end("bye", 200)
        if self.phase is not Phase.LEAVING:
            self._finish()

    def _handle_invite(self, transaction: ServerTransaction, now: float) -> None:
        if self._acceptance is not None and not self._acceptance.late:
            self._confirm(None, now)
        refusal = self._refuse_offer()
        if refusal is not None:
            self.core.respond(transaction, refusal, now)
            return
        self.core.respond(transaction, Answer(100), now)
        self._take_offer(transaction)

    def _handle_update(self, transaction: ServerTransaction, now: float) -> None:
        refusal = self._refuse_offer()
        if read_sdp(transaction.arrival.request) is None and self.phase not in GONE:
            self.core.respond(transaction, self._describe(200), now)
        elif refusal is not None:
            self.core.respond(transaction, refusal, now)
        else:
            self._take_offer(transaction)

    def _handle_options(self, transaction: ServerTransaction, now: float) -> None:
        self.core.respond(transaction, self._describe(200), now)

    def _handle_info(self, transaction: ServerTransaction, now: float) -> None:
        request = transaction.arrival.request
        try:
            pressed = read_digit(request) if request.body else None
        except ParseError as error:
            accepted = (("Accept", ", ".join(KINDS)),) if error.status == 415 else ()
            self.core.respond(transaction, Answer(error.status, error.phrase, accepted), now)
            return
        self.core.respond(transaction, Answer(200), now)
        if pressed is not None and self.phase in (Phase.UP, Phase.ANSWERED):
            self.core.events.append(DigitPressed(self.call, pressed.digit, pressed.duration_ms))

    def _take_offer(self, transaction: ServerTransaction) -> None:
        self._offer = transaction
        self.core.events.append(CallOffer(self.call, read_sdp(transaction.arrival.request)))

    def _refuse_offer(self) -> Answer | None:
        """§14.2 and RFC 3311 §5.2: one offer at a time."""
        if self.phase in GONE:
            return Answer(481)
        if self._acceptance is not None and self._acceptance.late:
            return Answer(491)
        if self._offer is not None or self.phase not in (Phase.UP, Phase.ANSWERED):
            # §14.2: a random time, so that both sides do not meet again.
            after = zlib.crc32(self.core.config.new_id().encode()) % 11
            return Answer(500, "", (("Retry-After", str(after)),))
        return None


def refusal(status: int, reason: str) -> Answer:
    """Raises ValueRefused for what is not a refusal."""
    if not 300 <= status <= 699:
        raise ValueRefused("not a final status that refuses")
    return Answer(status, refuse_breaks(reason))


_handlers = {
    "BYE": Session._handle_bye,
    "INVITE": Session._handle_invite,
    "UPDATE": Session._handle_update,
    "OPTIONS": Session._handle_options,
    "INFO": Session._handle_info,
}
