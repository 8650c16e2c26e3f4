"""A call of ours, until it is answered or over (RFC 3261 §13.2, §9.1)."""

from functools import partial

from signaling.sip.calls.dialog import Dialog, Outline
from signaling.sip.calls.early import MAX_BRANCHES, Branch, is_next, read_reliable
from signaling.sip.calls.invitation import Invitation, make_invite
from signaling.sip.calls.phase import Phase
from signaling.sip.calls.session import Session, read_reason
from signaling.sip.core import Core
from signaling.sip.errors import ParseError
from signaling.sip.events import CallAnswered, CallOffer, CallProgress, CallRinging, Cause
from signaling.sip.exchanges.table import Event
from signaling.sip.exchanges.transactions import (
    UNATTENDED,
    Arrival,
    ClientTransaction,
    Reply,
    ServerTransaction,
    make_cancel,
)
from signaling.sip.flow import Flow, Outgoing
from signaling.sip.headers import NameAddr
from signaling.sip.messages.bodies import SDP, read_sdp
from signaling.sip.messages.message import Request, Response, parse_message
from signaling.sip.messages.uri import Uri
from signaling.sip.registering.credentials import Renewal, next_number
from signaling.sip.replies import Answer, Fields
from vault.pii import Pii


class OutboundSession(Session):
    owns_call_id = True

    def __init__(self, core: Core, flow: Flow, invitation: Invitation) -> None:
        """Raises ValueRefused if the invitation has a value that no message can carry."""
        super().__init__(core, core.config.new_id(), flow, Phase.CALLING)
        self.secure = invitation.target.scheme == "sips"
        self.trunk = invitation.trunk
        self.offers.local = invitation.sdp or ""
        self._invitation = invitation
        self._call_id = core.config.new_id()
        self._tag = core.config.new_id()
        self._request = self._make_invite(1)
        self._invite: ClientTransaction | None = None
        self._has_offered = invitation.sdp is not None
        self._acks: dict[str, tuple[Flow, bytes]] = {}
        self._branches: dict[str, Branch] = {}
        self._leading: Branch | None = None
        """The branch whose media is heard."""
        self._cancelled = self._provisional = self._rang = self._timed_out = False
        self._progress: str | None = None

    def begin(self, now: float) -> None:
        self.core.sessions[self.call] = self
        self.core.changed.add(self.call)
        self._send_invite(now)
        ring, patience = self._invitation.ring, self._invitation.patience
        self.core.deadlines.set(self, "ring", now + (self.core.config.timers.c if ring is None else ring))
        if patience is not None:
            self.core.deadlines.set(self, "patience", now + patience)

    @classmethod
    def abandoned(cls, core: Core, call: str, invite: Outgoing) -> "OutboundSession":
        """A call that an earlier process began, by the INVITE that it sent. Raises ParseError."""
        request = parse_message(invite.data)
        if not isinstance(request, Request):
            raise ParseError("Not a request")
        caller = NameAddr.parse(request.headers.get("From") or "")
        session = cls(core, invite.flow, Invitation(Uri.parse(request.uri), caller, read_sdp(request)))
        session.call, session._request = call, request
        session._call_id, session._tag = request.headers.get("Call-ID") or "", caller.tag or ""
        return session

    @property
    def call_id(self) -> str:
        return self._call_id

    @property
    def invite(self) -> Outgoing:
        """Our INVITE as it was sent last."""
        return Outgoing(self.flow, bytes(self._request))

    def accept_offer(self, sdp: str, now: float) -> None:
        if self.phase is Phase.OFFERED:
            self.offers.local = sdp
            self._go_up(sdp, now)
        elif self.phase is Phase.CALLING and self._leading is not None and self._leading.offer is not None:
            reply, self._leading.offer = self._leading.offer, None
            self._leading.answer = read_sdp(reply.response)
            self.offers.local = sdp
            self._send_prack(self._leading, reply, sdp, now)
        else:
            super().accept_offer(sdp, now)

    def reject_offer(self, status: int, reason: str, now: float) -> None:
        if self.phase is Phase.OFFERED or (self.phase is Phase.CALLING and not self.offers.is_busy):
            self.hang_up(now, reason)
        else:
            super().reject_offer(status, reason, now)

    def hang_up(self, now: float, reason: str) -> None:
        if self.phase is Phase.CALLING:
            self.phase = Phase.CANCELLING
            self.core.changed.add(self.call)
            self._stop_parts(now)
            self._send_cancel(now)
        elif self.phase is Phase.OFFERED:
            self._go_up(None, now)
            super().hang_up(now, reason)
        else:
            super().hang_up(now, reason)

    def handle_timer(self, name: str, now: float) -> None:
        if name == "ring":
            self._timed_out = True
            self.hang_up(now, "")
        elif name == "patience":
            # A peer that wakes up late still gets its CANCEL, or its BYE.
            self._end("timeout", 408)
            self.hang_up(now, "")
        elif self._invite is not None and self.phase is Phase.CANCELLING:
            self._invite.step(Event.ABANDON, now)
            self._fail(*self._given_up, now)

    def handle_response(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        if transaction is not self._invite:
            super().handle_response(transaction, reply, now)
        elif reply.response.status < 200:
            self._handle_provisional(reply, now)
        elif reply.response.status < 300:
            self._handle_success(reply, now)
        else:
            self._reject(reply.response, now)

    def handle_failure(self, transaction: ClientTransaction, status: int, now: float) -> None:
        if transaction is not self._invite:
            super().handle_failure(transaction, status, now)
            return
        if self.phase is Phase.CANCELLING:
            self._fail(*self._given_up, now)
        else:
            self._fail("timeout" if status == 408 else "lost", status, now)

    # Before the final answer.

    def get_dialog(self) -> Dialog:
        if self.dialog is None and self._leading is not None:
            return self._leading.dialog
        return super().get_dialog()

    @property
    def is_settled(self) -> bool:
        early = self.phase is Phase.CALLING and self._leading is not None
        return super().is_settled or (early and self._leading is not None and self._leading.answer is not None)

    def _dialog_of(self, arrival: Arrival) -> Dialog:
        branch = self._branches.get(arrival.envelope.from_tag)
        return branch.dialog if branch is not None and self.dialog is None else super()._dialog_of(arrival)

    def _refuse_offer(self, request: Request) -> Answer | None:
        """Of the branches of a call only one is heard, and may change what is heard."""
        if self.phase is Phase.CALLING and (self._leading is None or not _is_from(request, self._leading.dialog)):
            return self.offers.postpone()
        return super()._refuse_offer(request)

    def handle_bye(self, transaction: ServerTransaction, now: float) -> None:
        if self.dialog is not None:
            super().handle_bye(transaction, now)
            return
        # The called side ends an early dialog by a final answer, which is still to come (§15).
        self.core.respond(transaction, Answer(200), now)

    def _handle_provisional(self, reply: Reply, now: float) -> None:
        self._provisional = True
        self.core.changed.add(self.call)
        self.core.deadlines.cancel(self, "patience")
        if self.phase is not Phase.CALLING:
            self._send_cancel(now)
            return
        response, rseq = reply.response, read_reliable(reply)
        branch = self._find_branch(reply)
        if rseq is not None and (branch is None or not is_next(branch, rseq)):
            return
        if response.status == 180 and not self._rang:
            self._rang = True
            self.core.events.append(CallRinging(self.call))
        sdp = read_sdp(response)
        if branch is not None and rseq is not None:
            branch.rseq = rseq
            self._take_reliable(branch, reply, now)
        if sdp is not None and sdp != self._progress and self._has_offered:
            self._progress = sdp
            self._leading = branch or self._leading
            self.core.events.append(CallProgress(self.call, sdp))

    def _take_reliable(self, branch: Branch, reply: Reply, now: float) -> None:
        sdp = read_sdp(reply.response)
        self._leading = self._leading or branch
        if sdp is not None and branch.answer is None and not self._has_offered:
            if self._leading is branch:
                branch.offer = reply
                self.core.events.append(CallOffer(self.call, sdp))
            return
        if sdp is not None and branch.answer is None:
            branch.answer = sdp
        self._send_prack(branch, reply, None, now)

    def _send_prack(self, branch: Branch, reply: Reply, sdp: str | None, now: float) -> None:
        """RFC 3262 §7.2."""
        fields: Fields = (("RAck", f"{branch.rseq} {reply.envelope.cseq}"),)
        if sdp is not None:
            fields = (*fields, ("Content-Type", SDP))
        flow, new_id = branch.dialog.next_flow(branch.flow), self.core.config.new_id
        prack = branch.dialog.make_request(Outline("PRACK", fields, (sdp or "").encode()), flow, new_id())
        self.send_in(branch.dialog, prack, (flow, UNATTENDED), now)

    def _find_branch(self, reply: Reply) -> Branch | None:
        """The early dialog of a provisional answer; None if it makes none."""
        tag = reply.envelope.to_tag
        if tag is None or reply.response.status == 100:
            return None
        branch = self._branches.get(tag)
        if branch is None:
            if len(self._branches) == MAX_BRANCHES:
                return None
            try:
                branch = Branch(self._make_dialog(reply), reply.flow)
            except ParseError:
                return None
            self._branches[tag] = branch
            self.core.dialogs[branch.dialog.id] = self
        branch.flow = reply.flow
        self.peer = self.peer.update(reply.response.headers)
        return branch

    # The final answer.

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
        branch = self._branches.get(reply.envelope.to_tag or "")
        try:
            self.dialog = self._confirmed(branch, reply)
        except ParseError:
            self._fail("error", 500, now)
            return
        self._forget_branches()
        self.core.dialogs[self.dialog.id] = self
        if self.phase is Phase.CANCELLING:
            # The 200 has crossed our CANCEL (§9.1): the call is up, and ended at once.
            self._acks[self.dialog.id[2]] = self.send_ack(self.dialog, None, self._request)
            self._leave(now, "")
            self._end(self._given_up[0], 200)
            return
        self.take_success(reply, now)
        early = branch.answer if branch is not None else None
        self._take_description(read_sdp(reply.response), early, now)

    def _confirmed(self, branch: Branch | None, reply: Reply) -> Dialog:
        """Raises ParseError."""
        if branch is None:
            return self._make_dialog(reply)
        branch.dialog.confirm(reply)
        return branch.dialog

    def _make_dialog(self, reply: Reply) -> Dialog:
        """Raises ParseError."""
        dialog = Dialog.from_answer(self._request, reply)
        dialog.symmetric = self._invitation.keeps_flow
        return dialog

    def _take_description(self, sdp: str | None, early: str | None, now: float) -> None:
        """What the 2xx brings: the answer, unless it came before, or the offer, if the INVITE had none."""
        if self._has_offered or early is not None:
            self.core.events.append(CallAnswered(self.call, early or sdp if self._has_offered else None))
            self._go_up(None, now)
        elif sdp is not None:
            self.core.events.append(CallAnswered(self.call, sdp))
            self.phase = Phase.OFFERED
        else:
            self._go_up(None, now)
            self._leave(now, "")
            self._end("error", 500)

    def _go_up(self, sdp: str | None, now: float) -> None:
        dialog = self.get_dialog()
        self.phase = Phase.UP
        self._acks[dialog.id[2]] = self.send_ack(dialog, sdp, self._request)
        self.offers.go_on(now)

    def _dismiss(self, reply: Reply, now: float) -> None:
        """Another branch of a forked INVITE answered too: acknowledge and end it (§13.2.2.4)."""
        dialog = self._confirmed(self._branches.get(reply.envelope.to_tag or ""), reply)
        self._acks[dialog.id[2]] = self.send_ack(dialog, None, self._request)
        flow = dialog.next_flow(reply.flow)
        bye = dialog.make_request(Outline("BYE"), flow, self.core.config.new_id())
        self.send_in(dialog, bye, (flow, UNATTENDED), now)

    def _send_cancel(self, now: float) -> None:
        """Only once the peer has shown that it has the INVITE (§9.1)."""
        if self._provisional and not self._cancelled and self.phase is Phase.CANCELLING and self._invite is not None:
            self._cancelled = True
            cancel = self.core.transactions.request(make_cancel(self._request), self._invite.flow, UNATTENDED, now)
            cancel.trunk = self.trunk
            self.core.deadlines.set(self, "cancel", now + self.core.config.timers.timeout)

    def _reject(self, response: Response, now: float) -> None:
        if self.phase is Phase.CANCELLING and response.status == 487:
            self._fail(*self._given_up, now)
        elif self.phase is Phase.CALLING and response.status == 422 and self.timer.raise_minimum(response.headers):
            self._try_again(now)
        else:
            self._end("rejected", response.status, read_reason(response), _moved_to(response))
            self._finish(now)

    def _try_again(self, now: float) -> None:
        """The same call with what the answer asked for: the next CSeq in the same Call-ID (§8.1.3.5)."""
        self._request = self._make_invite(next_number(self._request))
        self._start_over()
        self._send_invite(now)

    def _send_invite(self, now: float) -> None:
        self._invite = self.core.transactions.request(self._request, self.flow, self, now)
        self._invite.renew = partial(self._renew_invite, Renewal(self.core.wallet, self.trunk, next_number))
        self._invite.trunk = self.trunk

    def _renew_invite(self, renewal: Renewal, transaction: ClientTransaction, reply: Reply) -> Request | None:
        request = renewal.renew(transaction, reply) if self.phase is Phase.CALLING else None
        if request is not None:
            self.core.deadlines.cancel(self, "patience")
            self._request = request
            self._start_over()
            self.core.changed.add(self.call)
        return request

    def _start_over(self) -> None:
        """What was answered to the INVITE before counts no more."""
        self._provisional = False
        self._forget_branches()
        self._branches.clear()
        self._leading = None

    def _make_invite(self, number: int) -> Request:
        names = self._call_id, self._tag, number
        return make_invite(self.core.config, self.flow, self._invitation, names, self.timer.request_fields())

    @property
    def _given_up(self) -> tuple[Cause, int]:
        """How a call ends that we did not want to go on."""
        return ("timeout" if self._timed_out else "cancel", 487)

    def _fail(self, cause: Cause, status: int, now: float) -> None:
        """No dialog will come of it."""
        self._end(cause, status)
        self._finish(now)

    def _finish(self, now: float) -> None:
        self._stop_timers()
        self._forget_branches()
        super()._finish(now)

    def _forget_branches(self) -> None:
        """No requests are taken in them any more; their numbers count on, should they be answered after all."""
        for branch in self._branches.values():
            self.core.dialogs.pop(branch.dialog.id, None)

    def _stop_timers(self) -> None:
        self.core.deadlines.cancel(self, "ring")
        self.core.deadlines.cancel(self, "cancel")
        self.core.deadlines.cancel(self, "patience")


def _moved_to(response: Response) -> Pii[Uri] | None:
    if not 300 <= response.status < 400:
        return None
    try:
        return Pii(NameAddr.parse(next(iter(response.headers.items("Contact")), "")).uri)
    except ParseError:
        return None


def _is_from(request: Request, dialog: Dialog) -> bool:
    return NameAddr.parse(request.headers.get("From") or "").tag == dialog.id[2]
