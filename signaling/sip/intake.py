"""What comes from the network: read as far as it is worth it, and given to the transaction, call or newcomer it is."""

from signaling.sip.calls.session import Session
from signaling.sip.core import Core
from signaling.sip.errors import ParseError
from signaling.sip.exchanges.stateless import Stateless
from signaling.sip.exchanges.table import Action, Event
from signaling.sip.exchanges.transactions import Arrival, Reply
from signaling.sip.flow import Flow
from signaling.sip.guard import check_request
from signaling.sip.messages.envelope import Envelope
from signaling.sip.messages.message import Request, parse_message
from signaling.sip.newcomers import Newcomers
from signaling.sip.parties import Parties
from signaling.sip.registering.bindings import Bindings
from signaling.sip.replies import Answer


class Intake:
    def __init__(
        self, core: Core, parties: Parties, bindings: Bindings, stateless: Stateless, newcomers: Newcomers
    ) -> None:
        self._core = core
        self._parties = parties
        self._bindings = bindings
        self._stateless = stateless
        self._newcomers = newcomers

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """One datagram, or one message of a stream. Raises SipError for what is not worth an answer."""
        if not data.strip(b"\r\n"):
            if data == b"\r\n\r\n" and self._answers_pings(flow):
                self._core.send(flow, b"\r\n")  # RFC 5626 §3.5.1; phones do the same over UDP
            return
        if self._parties.at(flow) is None and not self._is_worth_reading(data, flow, now):
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

    def _answers_pings(self, flow: Flow) -> bool:
        """Who is to hear nothing does not hear that somebody is here either."""
        if not flow.is_reliable:
            return bool(self._bindings.at(flow))
        return self._core.config.refuse_strangers or self._parties.at(flow) is not None

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
            self._newcomers.receive(arrival, now)

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
        if invite is None or not self._parties.is_same_hop(arrival.flow, invite.arrival.flow):
            self._newcomers.receive(arrival, now)
            return
        transaction = self._core.transactions.accept(arrival, invite.user, now)
        self._core.respond(transaction, Answer(200), now, invite.user.local_tag)
        invite.user.handle_cancel(invite, arrival.request, now)

    def _receive_within(self, session: Session, arrival: Arrival, now: float) -> None:
        refusal = check_request(arrival.request)
        if refusal is None:
            session.receive(arrival, now)
        else:
            self._stateless.refuse(arrival, refusal)
