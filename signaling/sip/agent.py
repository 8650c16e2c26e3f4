"""The user agent: datagrams, stream messages and commands in; datagrams, events and the next deadline out.

    agent = UserAgent(SipConfig(), trunk_for=lambda flow: "carrier" if flow.remote[0] == "192.0.2.7" else None)

    agent.receive(data, flow, now)              # each datagram, each framed message of a stream
    agent.handle_timer(now)                     # when get_timer() has come
    for outgoing in agent.take(): ...           # after every call of any method: send them
    while (event := agent.next_event()): ...    # and carry these out

An incoming call: IncomingCall -> ring() | progress() | answer(sdp) -> CallAnswered (its ACK) -> CallEnded.
A call of ours, as a test caller or towards a trunk (a caller needs no trunk: `trunk_for=lambda flow: None`):

    flow = Flow("udp", local=("127.0.0.1", 5090), remote=("127.0.0.1", 5060))     # local: where we are reached
    caller = NameAddr.parse("<sip:alice@127.0.0.1>")
    call = agent.invite(flow, Invitation(Uri.parse("sip:+4930123@127.0.0.1:5060"), caller, sdp), now)
    # -> CallRinging, CallProgress(sdp), CallAnswered(sdp) | CallEnded(cause, status); the ACK is sent by the agent.
    agent.hang_up(call, now)                    # CANCEL before the answer, BYE after it -> CallEnded

With `sdp=None` the INVITE has no offer: CallAnswered brings the peer's, and `accept_offer(call, sdp, now)` sends ACK
with our answer. A CallOffer (re-INVITE, UPDATE) is met by `accept_offer` or `reject_offer` at any time of the call.

A command for a call that is gone, or that comes too late, does nothing: the event that says so is on its way.
A value of ours that no message can carry (a line break in a reason) raises ValueRefused and changes nothing.
"""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from signaling.sip.calls import saved
from signaling.sip.calls.invitation import Invitation
from signaling.sip.calls.outbound import OutboundSession
from signaling.sip.calls.saved import SavedCall
from signaling.sip.calls.session import Session
from signaling.sip.config import SipConfig
from signaling.sip.core import Core, Counters
from signaling.sip.errors import FramingError, ParseError, SipError
from signaling.sip.events import SipEvent
from signaling.sip.exchanges.stateless import Stateless
from signaling.sip.flow import Flow, Outgoing
from signaling.sip.headers.replaces import Replaces
from signaling.sip.intake import Intake
from signaling.sip.messages.message import Request, parse_message
from signaling.sip.messages.uri import Uri
from signaling.sip.newcomers import Newcomers
from signaling.sip.parties import Parties
from signaling.sip.reaching.upstream import Upstream
from signaling.sip.registering.credentials import AccountFor, no_account
from signaling.sip.registering.gatekeeper import NO_ACCOUNTS, Accounts
from signaling.sip.registering.registrar import Registrar
from signaling.sip.replies import refusal
from signaling.sip.tracing.tally import Said

log = structlog.get_logger()


class UserAgent:
    """Both sides of SIP, with `now` in seconds of any steady clock."""

    def __init__(
        self,
        config: SipConfig,
        trunk_for: Callable[[Flow], str | None],
        accounts: Accounts = NO_ACCOUNTS,
        account_for: AccountFor = no_account,
    ) -> None:
        """`trunk_for`: the name of the trunk that a source belongs to; None: a stranger, who gets 403 and no state,
        unless he registers with one of the accounts. `account_for`: with what challenges to our requests are
        answered."""
        self._core = core = Core(config, account_for, trunk_for)
        self._stateless = Stateless(core, lambda flow: self._parties.at(flow))
        self.registrar = Registrar(core, accounts, self._stateless)
        self.upstream = Upstream(core)
        self._parties = Parties(trunk_for, self.registrar.bindings)
        self._newcomers = Newcomers(core, self._parties, self.registrar, self._stateless)
        self._intake = Intake(core, self._parties, self.registrar.bindings, self._stateless, self._newcomers)

    def drain(self) -> None:
        """New calls get 503 from now on, and so does OPTIONS; what is up goes on."""
        self._newcomers.draining = True

    # In and out.

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Takes one datagram, or one message of a stream. Never raises: what is wrong is answered, or counted."""
        try:
            self._intake.receive(data, flow, now)
        except SipError:
            self._core.counters.malformed += 1
        except Exception as error:
            # The boundary to the network: a fault of ours costs this message, not every call that is up.
            self._note_fault(error)

    def refuse_stream(self, error: FramingError, flow: Flow) -> None:
        """Answers the message at which a stream cannot be followed further; it is to be closed after the answer."""
        try:
            message = parse_message(error.head)
        except ParseError as malformed:
            self._stateless.refuse_malformed(malformed.request, error, flow)
        else:
            self._stateless.refuse_malformed(message if isinstance(message, Request) else None, error, flow)

    def take(self) -> list[Outgoing]:
        """What is to be sent, each once."""
        outbox, self._core.outbox = self._core.outbox, []
        return outbox

    def next_event(self) -> SipEvent | None:
        return self._core.events.popleft() if self._core.events else None

    def get_timer(self) -> float | None:
        return self._core.deadlines.next()

    def handle_timer(self, now: float) -> None:
        """Never raises: a fault of ours costs one timer, not those of all calls that are due with it."""
        while (at := self.get_timer()) is not None and at <= now:
            try:
                self._core.deadlines.fire(now)
            except Exception as error:
                self._note_fault(error)

    def flow_closed(self, flow: Flow, now: float) -> None:
        """A connection has closed, or could not be opened."""
        self.registrar.flow_closed(flow)
        self.upstream.flow_closed(flow, now)
        self._core.transactions.flow_closed(flow, now)
        for session in [session for session in self._core.sessions.values() if session.flow == flow]:
            session.flow_closed(now)

    def uses(self, flow: Flow) -> bool:
        """Whether a call or a registration depends on this connection."""
        registered = self.registrar.bindings.at(flow) or self.upstream.uses(flow)
        return bool(registered) or any(session.flow == flow for session in self._core.sessions.values())

    def knows(self, flow: Flow) -> bool:
        """Whether a trunk or a registered phone is at its other end."""
        return self._parties.at(flow) is not None

    @property
    def counters(self) -> Counters:
        return self._core.counters

    @property
    def answers(self) -> Mapping[Said, int]:
        """Final answers to requests of both sides, since the start."""
        return self._core.tally.counts

    @property
    def challenges(self) -> dict[str, int]:
        """Of trunks to our requests, since the start."""
        wallet = self._core.wallet
        return {"challenges_answered": wallet.answered, "challenges_refused": wallet.unanswered}

    @property
    def calls(self) -> int:
        return len(self._core.sessions)

    @property
    def transactions(self) -> int:
        return len(self._core.transactions)

    # Commands.

    def invite(self, flow: Flow, invitation: Invitation, now: float) -> str:
        """Begins a call and returns our name for it. Raises ValueRefused."""
        session = OutboundSession(self._core, flow, invitation)
        session.begin(now)
        return session.call

    def ring(self, call: str, now: float) -> None:
        """180."""
        if session := self._find(call):
            session.ring(now)

    def progress(self, call: str, sdp: str, now: float) -> None:
        """183 with early media."""
        if session := self._find(call):
            session.progress(sdp, now)

    def answer(self, call: str, sdp: str, now: float) -> None:
        """200, repeated until the ACK."""
        if session := self._find(call):
            session.answer(sdp, now)

    def reject(self, call: str, status: int, reason: str, now: float) -> None:
        """A final answer from 300 on; an empty reason stands for the usual phrase."""
        if session := self._find(call):
            session.reject(status, reason, now)

    def accept_offer(self, call: str, sdp: str, now: float) -> None:
        if session := self._find(call):
            session.accept_offer(sdp, now)

    def reject_offer(self, call: str, status: int, reason: str, now: float) -> None:
        """The session stays as it was."""
        if session := self._find(call):
            session.reject_offer(status, reason, now)

    def press(self, call: str, digit: str, duration_ms: int, now: float) -> None:
        """A digit by INFO."""
        if session := self._find(call):
            session.press(digit, duration_ms, now)

    def offer(self, call: str, sdp: str, now: float) -> None:
        """Changes a call that is up, as hold does: OfferAnswered or OfferRefused follows."""
        if session := self._find(call):
            session.offers.want(sdp, now)

    def accept_transfer(self, call: str, now: float) -> None:
        """202; how it goes is then told with `report_transfer`."""
        if session := self._find(call):
            session.transfers.accept(now)

    def refuse_transfer(self, call: str, status: int, now: float) -> None:
        if session := self._find(call):
            session.transfers.refuse(refusal(status, ""), now)

    def report_transfer(self, call: str, status: int, now: float) -> None:
        """What the new call has come to; a final status is the last word."""
        if session := self._find(call):
            session.transfers.report(status, now)

    def refer(self, call: str, target: Uri, now: float) -> None:
        """Asks the peer to call somebody else (REFER): TransferReported follows, the last with a final status."""
        if session := self._find(call):
            session.transfers.ask(str(target), now)

    def replacing(self, call: str, target: Uri) -> Uri:
        """That target, for `refer`, so that the transferred call takes the place of this one there (attended)."""
        session = self._find(call)
        if session is None or session.dialog is None:
            return target
        call_id, ours, theirs = session.dialog.id
        return replace(target, headers=Replaces(call_id, theirs, ours).escaped())

    def hang_up(self, call: str, now: float, reason: str = "") -> None:
        """BYE, CANCEL or a final answer, whichever fits."""
        if session := self._find(call):
            session.hang_up(now, reason)

    # Outliving the process.

    def take_changed(self) -> set[str]:
        """The calls that `save` may have something new to say of, each once."""
        changed, self._core.changed = self._core.changed, set()
        return changed

    def save(self, call: str, now: float) -> SavedCall | None:
        """None: it is over, or there is nothing to go on with."""
        session = self._find(call)
        return saved.save(session, now) if session is not None else None

    def call_id_of(self, call: str) -> str | None:
        """None for a call that is over."""
        session = self._find(call)
        return session.call_id if session is not None else None

    def flow_of(self, call: str) -> Flow | None:
        """The way to its peer; None for a call that is over."""
        session = self._find(call)
        return session.flow if session is not None else None

    def restore(self, call: SavedCall, now: float) -> None:
        """Goes on with a call of an earlier process, before anything else comes. Its name is the same. `now`: when it
        was saved, by our clock. Raises ParseError."""
        saved.restore(self._core, call, now)

    def probe(self, call: str, now: float) -> None:
        """Asks the peer of a call that is up whether it still has it; CallEnded follows if not."""
        if session := self._find(call):
            saved.probe(session, now)

    def _note_fault(self, error: Exception) -> None:
        self._core.counters.faults += 1
        last = traceback.extract_tb(error.__traceback__)[-1]
        log.error("! fault", error=type(error).__name__, file=last.filename, line=last.lineno)

    def _find(self, call: str) -> Session | None:
        return self._core.sessions.get(call)
