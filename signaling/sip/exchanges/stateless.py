"""Answers that leave no state behind (RFC 3261 §8.2.7)."""

import hashlib
from collections.abc import Callable

from signaling.sip.core import Core
from signaling.sip.errors import ParseError
from signaling.sip.exchanges.transactions import Arrival, answer_flow
from signaling.sip.flow import Flow
from signaling.sip.messages.message import Request
from signaling.sip.replies import Answer, make_response, top_via
from signaling.sip.tracing.tally import Said
from signaling.sip.turns import Turns


class Stateless:
    def __init__(self, core: Core, party_at: Callable[[Flow], str | None]) -> None:
        """`party_at`: signaling.sip.parties.Parties.at."""
        self._core = core
        self._party_at = party_at
        self.turns = Turns(core.config)
        self._secret = core.config.new_id().encode()[:64]

    def refuse(self, arrival: Arrival, answer: Answer) -> None:
        if answer.status >= 300:
            self._core.counters.refused += 1
        self._answer(arrival, answer)

    def refuse_stranger(self, arrival: Arrival, now: float) -> None:
        """When it is his turn."""
        self._core.counters.strangers += 1
        if self._core.config.refuse_strangers and self.turns.answer(arrival.flow.remote[0], now):
            self._answer(arrival, Answer(403))

    def refuse_malformed(self, request: Request | None, error: ParseError, flow: Flow) -> None:
        """A stranger's, an ACK, and what is no request get no answer."""
        self._core.counters.malformed += 1
        if request is None or request.method == "ACK" or self._party_at(flow) is None:
            return
        if request.headers.get("Via") is None:
            return  # without one there is nobody to answer (§8.2.6.2)
        via = top_via(request)
        response = make_response(request, flow, Answer(error.status, error.phrase), None)
        self._core.send(answer_flow(flow, via) if via is not None else flow, bytes(response))

    def _answer(self, arrival: Arrival, answer: Answer) -> None:
        response = make_response(arrival.request, arrival.flow, answer, self._make_tag(arrival))
        self._core.tally.count(arrival.flow, Said("", "theirs", arrival.request.method, answer.status))
        self._core.send(answer_flow(arrival.flow, arrival.envelope.via), bytes(response))

    def _make_tag(self, arrival: Arrival) -> str:
        """The same for every repetition of a request, and not to be guessed."""
        envelope = arrival.envelope
        text = "\n".join((envelope.call_id, envelope.from_tag, envelope.via.branch, str(envelope.cseq)))
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16, key=self._secret).hexdigest()
