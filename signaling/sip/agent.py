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
from signaling.sip.calls.inbound import InboundSession
from signaling.sip.calls.outbound import Invitation, OutboundSession
from signaling.sip.calls.phase import GONE, Phase
from signaling.sip.calls.saved import SavedCall
from signaling.sip.calls.session import Session
from signaling.sip.calls.session_timer import check_expires
from signaling.sip.config import SipConfig
from signaling.sip.core import Core, Counters
from signaling.sip.errors import FramingError, ParseError, SipError
from signaling.sip.events import SipEvent
from signaling.sip.exchanges.stateless import Stateless
from signaling.sip.exchanges.table import Action, Event
from signaling.sip.exchanges.transactions import Arrival, Reply
from signaling.sip.flow import Flow, Outgoing
from signaling.sip.guard import check_invite, check_request
from signaling.sip.headers.replaces import Replaces
from signaling.sip.messages.bodies import SDP
from signaling.sip.messages.envelope import Envelope
from signaling.sip.messages.message import Request, parse_message
from signaling.sip.messages.uri import Uri
from signaling.sip.reaching.upstream import Upstream
from signaling.sip.registering.credentials import AccountFor, no_account
from signaling.sip.registering.gatekeeper import NO_ACCOUNTS, Accounts
from signaling.sip.registering.registrar import Registrar
from signaling.sip.replies import ALLOW, SUPPORTED, Answer, refusal
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
        self._core = Core(config, account_for, trunk_for)
        self._trunk_for = trunk_for
        self._stateless = Stateless(self._core, trunk_for)
        self.registrar = Registrar(self._core, accounts, self._stateless)
        self.upstream = Upstream(self._core)
        self.draining = False
        """New calls get 503, and so does OPTIONS; what is up goes on."""

    # In and out.

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Takes one datagram, or one message of a stream. Never raises: what is wrong is answered, or counted."""
        try:
            self._receive(data, flow, now)
        except SipError:
            self._core.counters.malformed += 1
        except Exception as error:
            # The boundary to the network: a fault of ours costs this message, not every call that is up.
            self._core.counters.faults += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            log.error("! fault", error=type(error).__name__, file=last.filename, line=last.lineno)

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
        self._core.deadlines.fire(now)

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
        return self._party_of(flow) is not None

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

    def _find(self, call: str) -> Session | None:
        return self._core.sessions.get(call)

    # Receiving.

    def _receive(self, data: bytes, flow: Flow, now: float) -> None:
        if not data.strip(b"\r\n"):
            if data == b"\r\n\r\n" and (flow.is_reliable or self.registrar.bindings.at(flow)):
                self._core.send(flow, b"\r\n")  # RFC 5626 §3.5.1; phones do the same over UDP
            return
        if not self.knows(flow) and not self._is_worth_reading(data, flow, now):
            return
        try:
            message = parse_message(data)
        except ParseError as error:
            self._stateless.refuse_malformed(error.request, error, flow)
            return
        try:
            envelope = Envelope.read(message)
        except ParseError as error:
            self._stateless.refuse_malformed(message if isinstance(message, Request) else None, error, flow)
            return
        if isinstance(message, Request):
            self._receive_request(Arrival(message, envelope, flow), now)
        else:
            self._receive_response(Reply(message, envelope, flow), now)

    def _is_worth_reading(self, data: bytes, flow: Flow, now: float) -> bool:
        """Of a stranger: reading costs up to 15 ms, and a flood would take them from the calls that are up."""
        if len(data) > self._core.config.max_stranger_message:
            self._core.counters.strangers += 1
            return False
        if not self._stateless.turns.read(flow.remote[0], now):
            self._core.counters.flooded += 1
            return False
        return True

    def _receive_response(self, reply: Reply, now: float) -> None:
        transaction = self._core.transactions.find_client(reply.envelope)
        if transaction is None and (session := self._find_answered(reply)) is not None:
            session.acknowledge_again(reply, now)
            return
        # More than our own Via: it was not meant for us (§8.1.3.3).
        if transaction is None or len(reply.response.headers.items("Via")) > 1:
            self._core.counters.unmatched += 1
        else:
            self._stateless.turns.was_worth_it(reply.flow.remote[0], now)
            transaction.receive(reply, now)

    def _find_answered(self, reply: Reply) -> Session | None:
        """The call of an earlier process that this 2xx is for."""
        envelope = reply.envelope
        if envelope.cseq.method != "INVITE" or not 200 <= reply.response.status < 300:
            return None
        session = self._core.dialogs.get((envelope.call_id, envelope.from_tag, envelope.to_tag or ""))
        return session if session is not None and session.is_restored else None

    def _receive_request(self, arrival: Arrival, now: float) -> None:
        method = arrival.request.method
        transaction = self._core.transactions.find_server(arrival, "INVITE" if method == "ACK" else method)
        if method == "ACK":
            if transaction is None or Action.PASS in transaction.step(Event.ACK, now):
                self._acknowledge(arrival, now)
        elif transaction is not None:
            transaction.step(Event.REQUEST, now)
        elif method == "CANCEL":
            self._cancel(arrival, now)
        elif (session := self._find_session(arrival)) is not None:
            self._stateless.turns.was_worth_it(arrival.flow.remote[0], now)
            self._receive_within(session, arrival, now)
        else:
            self._receive_new(arrival, now)

    def _find_session(self, arrival: Arrival) -> Session | None:
        envelope = arrival.envelope
        return self._core.dialogs.get((envelope.call_id, envelope.to_tag or "", envelope.from_tag))

    def _acknowledge(self, arrival: Arrival, now: float) -> None:
        session = self._find_session(arrival)
        if session is None:
            self._core.counters.unmatched += 1
        else:
            self._stateless.turns.was_worth_it(arrival.flow.remote[0], now)
            session.acknowledge(arrival, now)

    def _cancel(self, arrival: Arrival, now: float) -> None:
        invite = self._core.transactions.find_server(arrival, "INVITE")
        if invite is None or not self._is_same_hop(arrival.flow, invite.arrival.flow):
            self._receive_new(arrival, now)
            return
        transaction = self._core.transactions.accept(arrival, invite.user, now)
        self._core.respond(transaction, Answer(200), now, invite.user.local_tag)
        invite.user.handle_cancel(invite, arrival.request, now)

    def _is_same_hop(self, flow: Flow, before: Flow) -> bool:
        """§22.1: a CANCEL has no other credentials than where it comes from, and a branch may be easy to guess."""
        if flow.remote[0] == before.remote[0]:
            return True
        party = self._party_of(flow)
        return party is not None and party == self._party_of(before)

    def _party_of(self, flow: Flow) -> str | None:
        """The trunk or phone at its other end."""
        return self._trunk_for(flow) or next(iter(self.registrar.bindings.at(flow)), None)

    def _receive_within(self, session: Session, arrival: Arrival, now: float) -> None:
        refusal = check_request(arrival.request)
        if refusal is None:
            session.receive(arrival, now)
        else:
            self._stateless.refuse(arrival, refusal)

    def _receive_new(self, arrival: Arrival, now: float) -> None:
        """A request outside any dialog that we know."""
        if self.registrar.serves(arrival):
            if self.registrar.receive(arrival, now):
                self._stateless.turns.was_worth_it(arrival.flow.remote[0], now)
            return
        trunk = self._party_of(arrival.flow)
        if trunk is None:
            self._stateless.refuse_stranger(arrival, now)
            return
        refusal = self._check_new(arrival)
        if refusal is not None:
            self._stateless.refuse(arrival, refusal)
            return
        if self._trunk_for(arrival.flow) is None:
            trunk = self.registrar.admit(arrival, now)
        if trunk is not None:
            self._begin(arrival, trunk, now)

    def _begin(self, arrival: Arrival, trunk: str, now: float) -> None:
        """A call of a trunk or a phone."""
        try:
            replaced = self._find_replaced(arrival, trunk)
            session = InboundSession(self._core, arrival, now)
        except ParseError as error:
            self._stateless.refuse(arrival, Answer(error.status, error.phrase))
        else:
            session.begin(trunk, replaced, now)

    def _find_replaced(self, arrival: Arrival, trunk: str) -> Session | None:
        """The call that a new one is to take the place of (RFC 3891 §3). Raises ParseError with the refusal."""
        values = arrival.request.headers.get_all("Replaces")
        if not values:
            return None
        if len(values) > 1:
            raise ParseError("Duplicate Replaces")
        wanted = Replaces.parse(values[0])
        session = self._core.find_replaced(wanted)
        # Another trunk's call is not told from none at all.
        if session is None or self._party_of(session.flow) != trunk:
            raise ParseError("Call/Transaction Does Not Exist", 481)
        if session.phase in GONE:
            raise ParseError("Decline", 603)
        if wanted.early_only and session.phase in (Phase.UP, Phase.ANSWERED):
            raise ParseError("Busy Here", 486)
        if session.phase is Phase.INVITED:
            # Only an early dialog that we began may be taken over.
            raise ParseError("Call/Transaction Does Not Exist", 481)
        return session

    def _check_new(self, arrival: Arrival) -> Answer | None:
        """The answer to all that is not a new call."""
        refusal = check_request(arrival.request)
        if refusal is not None:
            return refusal
        if arrival.envelope.to_tag is not None or arrival.request.method not in ("INVITE", "OPTIONS", "REFER"):
            return Answer(481)
        if arrival.request.method == "REFER":
            return Answer(403)  # we call nobody for one who has no call with us
        if self._core.transactions.is_merged(arrival) or self._core.transactions.has_looped(arrival):
            return Answer(482)
        if self.draining or self.calls >= self._core.config.max_calls:
            return Answer(503, "", (("Retry-After", "10"),))
        if arrival.request.method == "OPTIONS":
            return Answer(200, "", (ALLOW, ("Accept", SDP), SUPPORTED))
        return check_invite(arrival) or check_expires(arrival.request.headers, self._core.config)
