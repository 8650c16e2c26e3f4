"""Requests outside any dialog that we know: registrations, calls that begin, and what is refused."""

from signaling.sip.calls.inbound import InboundSession
from signaling.sip.calls.phase import GONE, Phase
from signaling.sip.calls.session import Session
from signaling.sip.calls.session_timer import check_expires
from signaling.sip.core import Core
from signaling.sip.errors import ParseError
from signaling.sip.events import TakeoverRefused
from signaling.sip.exchanges.stateless import Stateless
from signaling.sip.exchanges.transactions import Arrival
from signaling.sip.guard import check_invite, check_request
from signaling.sip.headers.replaces import Replaces
from signaling.sip.messages.bodies import SDP
from signaling.sip.parties import Parties
from signaling.sip.registering.registrar import Registrar
from signaling.sip.replies import ALLOW, SUPPORTED, Answer


class Newcomers:
    def __init__(self, core: Core, parties: Parties, registrar: Registrar, stateless: Stateless) -> None:
        self._core = core
        self._parties = parties
        self._registrar = registrar
        self._stateless = stateless
        self.draining = False
        """New calls get 503, and so does OPTIONS."""

    def receive(self, arrival: Arrival, now: float) -> None:
        """A request outside any dialog that we know."""
        if self._registrar.serves(arrival):
            if self._registrar.receive(arrival, now):
                self._stateless.turns.was_worth_it(arrival.flow.remote[0], now)
            return
        trunk = self._parties.at(arrival.flow)
        if trunk is None:
            self._stateless.refuse_stranger(arrival, now)
            return
        refusal = self._check_new(arrival)
        if refusal is not None:
            self._stateless.refuse(arrival, refusal)
            return
        if self._parties.trunk_for(arrival.flow) is None:
            trunk = self._registrar.admit(arrival, now)
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
        if session is None or self._parties.at(session.flow) != trunk:
            if session is not None:
                self._core.events.append(TakeoverRefused(session.call, arrival.flow.remote[0]))
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
        if self.draining or len(self._core.sessions) >= self._core.config.max_calls:
            return Answer(503, "", (("Retry-After", "10"),))
        if arrival.request.method == "OPTIONS":
            return Answer(200, "", (ALLOW, ("Accept", SDP), SUPPORTED))
        return check_invite(arrival) or check_expires(arrival.request.headers, self._core.config)
