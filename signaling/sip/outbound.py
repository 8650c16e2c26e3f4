"""A call of ours, until it is answered or over (RFC 3261 §13.2, §9.1)."""

from dataclasses import dataclass

from signaling.sip.bodies import SDP, read_sdp
from signaling.sip.core import Core
from signaling.sip.dialog import Dialog
from signaling.sip.errors import ParseError
from signaling.sip.events import CallAnswered, CallProgress, CallRinging, Cause
from signaling.sip.flow import Flow
from signaling.sip.grammar import Params
from signaling.sip.headers import CSeq, NameAddr, make_via
from signaling.sip.message import Headers, Request, Response
from signaling.sip.replies import METHODS, make_contact
from signaling.sip.session import Phase, Session
from signaling.sip.table import Event
from signaling.sip.transactions import ClientTransaction, Reply, make_cancel
from signaling.sip.uri import Uri


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom to call, as whom, with which offer."""

    target: Uri
    caller: NameAddr
    sdp: str | None


class OutboundSession(Session):
    def __init__(self, core: Core, flow: Flow, invitation: Invitation) -> None:
        """Raises ValueRefused if the invitation has a value that no message can carry."""
        super().__init__(core, core.config.new_id(), flow, Phase.CALLING)
        self.secure = invitation.target.scheme == "sips"
        self._request = self._make_invite(invitation)
        self._invite: ClientTransaction | None = None
        self._has_offered = invitation.sdp is not None
        self._acks: dict[str, tuple[Flow, bytes]] = {}
        self._cancelled = self._provisional = self._rang = self._timed_out = False
        self._progress: str | None = None

    def begin(self, now: float) -> None:
        self.core.sessions[self.call] = self
        self._invite = self.core.transactions.request(self._request, self.flow, self, now)
        self.core.deadlines.set(self, "ring", now + self.core.config.timers.c)

    def accept_offer(self, sdp: str, now: float) -> None:
        if self.phase is Phase.OFFERED:
            self.phase = Phase.UP
            self._acknowledge(self._get_dialog(), sdp)
        else:
            super().accept_offer(sdp, now)

    def reject_offer(self, status: int, reason: str, now: float) -> None:
        if self.phase is Phase.OFFERED:
            self.hang_up(now, reason)
        else:
            super().reject_offer(status, reason, now)

    def hang_up(self, now: float, reason: str) -> None:
        if self.phase is Phase.CALLING:
            self.phase = Phase.CANCELLING
            self._send_cancel(now)
        elif self.phase is Phase.OFFERED:
            self.phase = Phase.UP
            self._acknowledge(self._get_dialog(), None)
            super().hang_up(now, reason)
        else:
            super().hang_up(now, reason)

    def handle_timer(self, name: str, now: float) -> None:
        if name == "ring":
            self._timed_out = True
            self.hang_up(now, "")
        elif self._invite is not None and self.phase is Phase.CANCELLING:
            self._invite.step(Event.ABANDON, now)
            self._fail("timeout" if self._timed_out else "cancel", 408)

    def handle_response(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        if transaction is not self._invite:
            super().handle_response(transaction, reply, now)
        elif reply.response.status < 200:
            self._handle_provisional(reply.response, now)
        elif reply.response.status < 300:
            self._handle_success(reply, now)
        else:
            self._reject(reply.response.status)

    def handle_failure(self, transaction: ClientTransaction, status: int, now: float) -> None:
        if transaction is not self._invite:
            super().handle_failure(transaction, status, now)
            return
        if self.phase is Phase.CANCELLING:
            self._fail("cancel", status)
        else:
            self._fail("timeout" if status == 408 else "lost", status)

    def _handle_provisional(self, response: Response, now: float) -> None:
        self._provisional = True
        if self.phase is not Phase.CALLING:
            self._send_cancel(now)
            return
        if response.status == 180 and not self._rang:
            self._rang = True
            self.core.events.append(CallRinging(self.call))
        sdp = read_sdp(response)
        if sdp is not None and sdp != self._progress:
            self._progress = sdp
            self.core.events.append(CallProgress(self.call, sdp))

    def _handle_success(self, reply: Reply, now: float) -> None:
        tag = reply.envelope.to_tag or ""
        if tag in self._acks:
            self.core.send(*self._acks[tag])
        elif self.dialog is None:
            self._establish(reply, now)
        elif tag != self.dialog.id[2]:
            self._dismiss(reply, now)

    def _establish(self, reply: Reply, now: float) -> None:
        self._stop_timers()
        self.flow = reply.flow
        try:
            self.dialog = Dialog.from_answer(self._request, reply)
        except ParseError:
            self._fail("error", 500)
            return
        self.core.dialogs[self.dialog.id] = self
        if self.phase is Phase.CANCELLING:
            # The 200 has crossed our CANCEL (§9.1): the call is up, and ended at once.
            self._acknowledge(self.dialog, None)
            self._leave(now, "")
            self._end("timeout" if self._timed_out else "cancel", 200)
            return
        self.core.events.append(CallAnswered(self.call, read_sdp(reply.response)))
        self.phase = Phase.UP if self._has_offered else Phase.OFFERED
        if self._has_offered:
            self._acknowledge(self.dialog, None)

    def _dismiss(self, reply: Reply, now: float) -> None:
        """Another branch of a forked INVITE answered too: acknowledge and end it (§13.2.2.4)."""
        dialog = Dialog.from_answer(self._request, reply)
        self._acknowledge(dialog, None)
        flow = dialog.next_flow(reply.flow)
        self.core.transactions.request(dialog.make_request("BYE", flow, self.core.config.new_id()), flow, self, now)

    def _acknowledge(self, dialog: Dialog, sdp: str | None) -> None:
        flow = dialog.next_flow(self.flow)
        ack = dialog.make_request("ACK", flow, self.core.config.new_id())
        if sdp is not None:
            ack = Request("ACK", ack.uri, ack.headers.add(("Content-Type", SDP)), sdp.encode())
        self._acks[dialog.id[2]] = (flow, bytes(ack))
        self.core.send(flow, bytes(ack))

    def _send_cancel(self, now: float) -> None:
        """Only once the peer has shown that it has the INVITE (§9.1)."""
        if self._provisional and not self._cancelled and self.phase is Phase.CANCELLING:
            self._cancelled = True
            self.core.transactions.request(make_cancel(self._request), self.flow, self, now)
            self.core.deadlines.set(self, "cancel", now + self.core.config.timers.timeout)

    def _reject(self, status: int) -> None:
        if self.phase is Phase.CANCELLING and status == 487:
            self._fail("timeout" if self._timed_out else "cancel", status)
        else:
            self._fail("rejected", status)

    def _fail(self, cause: Cause, status: int) -> None:
        """No dialog will come of it."""
        self._end(cause, status)
        self._finish()

    def _finish(self) -> None:
        self._stop_timers()
        super()._finish()

    def _stop_timers(self) -> None:
        self.core.deadlines.cancel(self, "ring")
        self.core.deadlines.cancel(self, "cancel")

    def _make_invite(self, invitation: Invitation) -> Request:
        config, flow = self.core.config, self.flow
        sender = NameAddr(invitation.caller.uri, invitation.caller.display, Params((("tag", config.new_id()),)))
        fields = [
            ("Via", str(make_via(flow.transport, flow.local, config.new_id()))),
            ("Max-Forwards", "70"),
            ("From", str(sender)),
            ("To", str(NameAddr(invitation.target))),
            ("Call-ID", config.new_id()),
            ("CSeq", str(CSeq(1, "INVITE"))),
            ("Contact", make_contact(flow, self.secure and flow.transport == "tls")),
            ("Allow", ", ".join(METHODS)),
            ("User-Agent", config.product),
        ]
        if invitation.sdp is not None:
            fields.append(("Content-Type", SDP))
        return Request("INVITE", str(invitation.target), Headers(fields), (invitation.sdp or "").encode())
