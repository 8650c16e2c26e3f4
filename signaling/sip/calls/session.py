"""A call that has a dialog: what both sides may do in it (RFC 3261 §14, §15; RFC 3311)."""

from dataclasses import replace
from functools import partial

from signaling.sip.abilities import NONE_KNOWN
from signaling.sip.calls.acceptance import Acceptance
from signaling.sip.calls.dialog import Dialog, Outline
from signaling.sip.calls.offers import Offers
from signaling.sip.calls.phase import GONE, Phase
from signaling.sip.calls.session_timer import SessionTimer, check_expires
from signaling.sip.calls.transfers import Transfers
from signaling.sip.core import Core
from signaling.sip.errors import ParseError
from signaling.sip.events import CallAnswered, CallEnded, Cause, DigitPressed, OfferAnswered
from signaling.sip.exchanges.transactions import (
    UNATTENDED,
    Arrival,
    ClientTransaction,
    ClientUser,
    Reply,
    ServerTransaction,
)
from signaling.sip.flow import Flow, Outgoing
from signaling.sip.headers.reason import Reason
from signaling.sip.messages.bodies import DTMF_RELAY, SDP, read_sdp
from signaling.sip.messages.digits import KINDS, read_digit, write_digit
from signaling.sip.messages.message import Request, Response
from signaling.sip.messages.uri import Uri
from signaling.sip.registering.credentials import Renewal, credentials_of
from signaling.sip.replies import ALLOW, SUPPORTED, Answer, make_contact, refusal
from vault.pii import Pii


class Session:
    owns_call_id = False
    """The Call-ID is ours."""

    def __init__(self, core: Core, call: str, flow: Flow, phase: Phase) -> None:
        self.core = core
        self.call = call
        self.flow = flow
        """The way of the peer's last request, or of our own first."""
        self.phase = phase
        self.dialog: Dialog | None = None
        self.is_restored = False
        """An earlier process began it: what peers repeat may be for transactions that nobody knows any more."""
        self.trunk = ""
        """Its name, if it is known: whose credentials are ours here."""
        self.secure = False
        """The call is for a SIPS URI."""
        self.peer = NONE_KNOWN
        self.offers = Offers(self)
        self.transfers = Transfers(self)
        self.timer = SessionTimer(self, core.config, core.deadlines)
        self.acceptance: Acceptance | None = None
        self._bye: ClientTransaction | None = None
        self._ended = False

    # What the peer sends.

    def receive(self, arrival: Arrival, now: float) -> None:
        """A request in the dialog, other than ACK and CANCEL."""
        self.core.changed.add(self.call)
        transaction = self.core.transactions.accept(arrival, self, now)
        if self._dialog_of(arrival).admit(arrival):
            self.flow = arrival.flow
            getattr(self, _HANDLERS[arrival.request.method])(transaction, now)
        else:
            self.core.respond(transaction, Answer(500, "Old CSeq"), now)

    def acknowledge_again(self, reply: Reply, now: float) -> None:
        """A 2xx to an INVITE of an earlier process, whose ACK was lost or never sent."""
        newer = self.get_dialog().is_answer(reply)
        self.send_ack(self.get_dialog(), None, None)
        if self.phase is not Phase.UP:
            return
        self.take_success(reply, now)
        sdp = read_sdp(reply.response)
        if newer and sdp is not None:
            self.core.events.append(OfferAnswered(self.call, sdp))

    def acknowledge(self, arrival: Arrival, now: float) -> None:
        if self.acceptance is None or self.acceptance.number != arrival.envelope.cseq.number:
            self.core.counters.unmatched += 1
            return
        self._confirm(read_sdp(arrival.request), now)

    def handle_cancel(self, transaction: ServerTransaction, cancel: Request, now: float) -> None:
        self.offers.withdraw(transaction, now)

    def handle_response(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        if transaction is self._bye and reply.response.status >= 200:
            self._finish(now)

    def handle_failure(self, transaction: ClientTransaction, status: int, now: float) -> None:
        if transaction is self._bye:
            self._finish(now)

    def flow_closed(self, now: float) -> None:
        """The connection is gone; the call goes on, and what is next to be sent opens a new one."""
        self.flow = replace(self.flow, connection=0)

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
        self.offers.accept(sdp, now)

    def reject_offer(self, status: int, reason: str, now: float) -> None:
        self.offers.reject(refusal(status, reason), now)

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
            info = Outline("INFO", (("Content-Type", DTMF_RELAY),), write_digit(digit, duration_ms))
            self.send(info, UNATTENDED, now)

    def give_way(self, now: float) -> None:
        """Another call has taken the place of this one (RFC 3891)."""
        if self.phase not in GONE:
            self._end("replaced", 200)
            self.hang_up(now, "")

    # For the parts of the session.

    @property
    def call_id(self) -> str:
        return self.get_dialog().id[0]

    @property
    def local_tag(self) -> str:
        return self.get_dialog().id[1]

    @property
    def is_confirmed(self) -> bool:
        return self.phase is Phase.UP

    @property
    def is_settled(self) -> bool:
        """The first offer has been answered, so that UPDATE may bring another one (RFC 3311 §5)."""
        return self.phase in (Phase.UP, Phase.ANSWERED)

    @property
    def may_offer(self) -> bool:
        """An offer of ours may be sent now."""
        if self.phase is Phase.UP:
            return self.acceptance is None
        return self.is_settled and self.phase is not Phase.ANSWERED and "UPDATE" in self.peer.methods

    def get_dialog(self) -> Dialog:
        if self.dialog is None:
            raise AssertionError("only a session with a dialog gets here")
        return self.dialog

    def describe(self, status: int) -> Answer:
        """An answer with our Contact and abilities; its fields serve requests too."""
        contact = make_contact(self.flow, self.secure and self.flow.transport == "tls")
        return Answer(status, "", (("Contact", contact), ALLOW, SUPPORTED))

    def send(self, outline: Outline, user: ClientUser, now: float) -> ClientTransaction:
        """A request in the dialog, other than ACK."""
        self.core.changed.add(self.call)
        dialog = self.get_dialog()
        flow = dialog.next_flow(self.flow)
        signed = Outline(outline.method, (("User-Agent", self.core.config.product), *outline.fields), outline.body)
        return self.send_in(dialog, dialog.make_request(signed, flow, self.core.config.new_id()), (flow, user), now)

    def send_in(self, dialog: Dialog, request: Request, way: tuple[Flow, ClientUser], now: float) -> ClientTransaction:
        """A request made in a dialog of this call; challenges are answered."""
        transaction = self.core.transactions.request(request, *way, now)
        renewal = Renewal(self.core.wallet, self.trunk, lambda request: dialog.count(request.method))
        transaction.renew, transaction.trunk = partial(self._renew, renewal), self.trunk
        return transaction

    def send_ack(self, dialog: Dialog, sdp: str | None, invite: Request | None) -> tuple[Flow, bytes]:
        """ACK to a 2xx: what was sent, to be sent again for each repetition of the 2xx (§13.2.2.4)."""
        self.core.changed.add(self.call)
        fields = credentials_of(invite) if invite is not None else ()
        if sdp is not None:
            fields = (*fields, ("Content-Type", SDP))
        flow = dialog.next_flow(self.flow)
        ack = dialog.make_request(Outline("ACK", fields, (sdp or "").encode()), flow, self.core.config.new_id())
        self.core.send(flow, bytes(ack))
        return flow, bytes(ack)

    def await_ack(self, transaction: ServerTransaction, now: float, late: bool) -> None:
        """`late`: our offer is in the 2xx, and the ACK brings the answer."""
        number = transaction.arrival.envelope.cseq.number
        self.await_ack_to(number, Outgoing(transaction.flow, transaction.latest), now, late)

    def await_ack_to(self, number: int, answer: Outgoing, now: float, late: bool) -> None:
        """Of the INVITE with that CSeq number; `answer` is the 2xx."""
        self.core.changed.add(self.call)
        self.acceptance = Acceptance(self.core, number, answer, self._expire)
        self.acceptance.late = late
        self.acceptance.start(now)

    def take_success(self, reply: Reply, now: float) -> None:
        """A 2xx to an INVITE or UPDATE of ours."""
        self.core.changed.add(self.call)
        self.get_dialog().refresh_target(reply)
        self.peer = self.peer.update(reply.response.headers)
        self.timer.take(reply.response.headers, now)

    def refresh(self, now: float) -> None:
        """The session timer wants it."""
        self.offers.refresh(now)

    def lapse(self, now: float) -> None:
        """The session timer has run out (RFC 4028 §10)."""
        self._leave(now, "Session expired")
        self._end("timeout", 408)

    def lose(self, status: int, now: float) -> None:
        """The peer has answered that there is no such call, or has not answered (§12.2.1.2)."""
        if self.phase in (Phase.INVITED, Phase.CALLING):
            self.hang_up(now, "")
            return
        self._leave(now, "")
        self._end("timeout" if status == 408 else "error", status)

    # Parts of both directions.

    def _renew(self, renewal: Renewal, transaction: ClientTransaction, reply: Reply) -> Request | None:
        """Once the call has ended, only its end still matters."""
        if self.phase in GONE and transaction.request.method != "BYE":
            return None
        return renewal.renew(transaction, reply)

    def _dialog_of(self, arrival: Arrival) -> Dialog:
        return self.get_dialog()

    def _confirm(self, sdp: str | None, now: float) -> None:
        """The ACK has come, or a request that the peer can only send after it got the 2xx."""
        self.core.changed.add(self.call)
        late = self._stop_acceptance()
        if self.phase is Phase.CLOSING:
            self._leave(now, "")
        elif self.phase is Phase.ANSWERED:
            self.phase = Phase.UP
            self.core.events.append(CallAnswered(self.call, sdp if late else None))
        elif late and self.phase is Phase.UP:
            self.core.events.append(OfferAnswered(self.call, sdp))
        self.offers.go_on(now)

    def _stop_acceptance(self) -> bool:
        acceptance, self.acceptance = self.acceptance, None
        if acceptance is None:
            return False
        acceptance.stop()
        return acceptance.late

    def _expire(self, now: float) -> None:
        self.acceptance = None
        self._leave(now, "")
        self._end("timeout", 408)

    def _leave(self, now: float, reason: str) -> None:
        fields = (("Reason", str(Reason("SIP", 200, reason))),) if reason else ()
        self._stop_parts(now)
        self.phase = Phase.LEAVING
        self._bye = self.send(Outline("BYE", fields), self, now)

    def _stop_parts(self, now: float) -> None:
        self.offers.reject(Answer(487), now)
        self.offers.stop(now)
        self.transfers.stop(now)
        self.timer.stop()
        self._stop_acceptance()

    def _end(self, cause: Cause, status: int, reason: Reason | None = None, moved_to: Pii[Uri] | None = None) -> None:
        if not self._ended:
            self._ended = True
            self.core.events.append(CallEnded(self.call, cause, status, reason, moved_to))

    def _finish(self, now: float) -> None:
        self.core.changed.add(self.call)
        self.phase = Phase.OVER
        self._stop_parts(now)
        self.core.forget(self)

    # Requests of the peer in the dialog.

    def handle_bye(self, transaction: ServerTransaction, now: float) -> None:
        self.core.respond(transaction, Answer(200), now)
        self._stop_parts(now)
        self._end("bye", 200, read_reason(transaction.arrival.request))
        if self.phase is not Phase.LEAVING:
            self._finish(now)

    def handle_invite(self, transaction: ServerTransaction, now: float) -> None:
        if self.acceptance is not None and not self.acceptance.late:
            self._confirm(None, now)
        request = transaction.arrival.request
        refusal = self._refuse_offer(request)
        if refusal is None and self.phase not in (Phase.UP, Phase.ANSWERED):
            refusal = self.offers.postpone()
        if refusal is not None:
            self.core.respond(transaction, refusal, now)
            return
        self.peer = self.peer.update(request.headers)
        self.core.respond(transaction, Answer(100), now)
        self.offers.take(transaction, read_sdp(request))

    def handle_update(self, transaction: ServerTransaction, now: float) -> None:
        request = transaction.arrival.request
        sdp = read_sdp(request)
        refusal = self._refuse_offer(request) if sdp is not None or self.phase in GONE else self._check_span(request)
        if refusal is not None:
            self.core.respond(transaction, refusal, now)
            return
        self.peer = self.peer.update(request.headers)
        if sdp is not None:
            self.offers.take(transaction, sdp)
            return
        answer = self.describe(200)
        granted = self.timer.grant(request.headers, now)
        self.core.respond(transaction, Answer(200, "", (*answer.headers, *granted)), now)

    def handle_options(self, transaction: ServerTransaction, now: float) -> None:
        self.core.respond(transaction, self.describe(200), now)

    def handle_info(self, transaction: ServerTransaction, now: float) -> None:
        request = transaction.arrival.request
        if request.headers.get("Info-Package") is not None:
            self.core.respond(transaction, Answer(469, "", (("Recv-Info", ""),)), now)
            return
        try:
            pressed = read_digit(request) if request.body else None
        except ParseError as error:
            accepted = (("Accept", ", ".join(KINDS)),) if error.status == 415 else ()
            self.core.respond(transaction, Answer(error.status, error.phrase, accepted), now)
            return
        self.core.respond(transaction, Answer(200), now)
        if pressed is not None and self.phase in (Phase.UP, Phase.ANSWERED):
            self.core.events.append(DigitPressed(self.call, pressed.digit, pressed.duration_ms))

    def handle_refer(self, transaction: ServerTransaction, now: float) -> None:
        self.transfers.take(transaction, now)

    def handle_notify(self, transaction: ServerTransaction, now: float) -> None:
        self.transfers.notified(transaction, now)

    def handle_prack(self, transaction: ServerTransaction, now: float) -> None:
        """Only an inbound call has provisional answers of ours."""
        self.core.respond(transaction, Answer(481), now)

    def _check_span(self, request: Request) -> Answer | None:
        return check_expires(request.headers, self.core.config)

    def _refuse_offer(self, request: Request) -> Answer | None:
        """§14.2 and RFC 3311 §5.2: one offer at a time."""
        if self.phase in GONE:
            return Answer(481)
        if self.offers.crosses or (self.acceptance is not None and self.acceptance.late):
            return Answer(491)
        if self.offers.is_busy or not self.is_settled:
            return self.offers.postpone()
        return self._check_span(request)


_HANDLERS = {
    "BYE": "handle_bye",
    "INVITE": "handle_invite",
    "UPDATE": "handle_update",
    "OPTIONS": "handle_options",
    "INFO": "handle_info",
    "REFER": "handle_refer",
    "NOTIFY": "handle_notify",
    "PRACK": "handle_prack",
}


def read_reason(request: Request | Response) -> Reason | None:
    """The first Reason that can be read."""
    try:
        return Reason.parse(request.headers.items("Reason")[0])
    except (ParseError, IndexError):
        return None
