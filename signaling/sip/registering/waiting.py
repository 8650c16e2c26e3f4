"""Answers that wait for their source's turn.

Over UDP a request that got no answer comes again by itself. Over a connection nobody repeats it (RFC 3261 §17.1.2.1):
of an office whose phones all come back at once, each but the first would wait for a timer of its own. So their answers
are kept, one a connection, until the source has shown who it is, or its next turn comes. Pure.
"""

from signaling.sip.core import Core
from signaling.sip.exchanges.stateless import Stateless
from signaling.sip.exchanges.transactions import Arrival
from signaling.sip.flow import Flow
from signaling.sip.replies import Answer
from signaling.sip.strangers import source_of

MAX_WAITING = 512
"""Answers of all sources; there is one a connection, and these are limited too."""
PERIOD = 0.2
"""Seconds between two looks at whether it is a source's turn."""


class Waiting:
    def __init__(self, core: Core, stateless: Stateless) -> None:
        self._deadlines = core.deadlines
        self._stateless = stateless
        self._answers: dict[str, dict[Flow, tuple[Arrival, Answer]]] = {}
        """By source, the one that has waited longest first."""

    def __len__(self) -> int:
        return sum(map(len, self._answers.values()))

    def hold(self, arrival: Arrival, answer: Answer, now: float) -> bool:
        """Whether the answer will be given later, in place of an earlier one on that connection."""
        source, flow = source_of(arrival.flow.remote[0]), arrival.flow
        known = self._answers.get(source, {})
        if not flow.is_reliable or (flow not in known and len(self) >= MAX_WAITING):
            return False
        self._answers.setdefault(source, known)[flow] = (arrival, answer)
        if self._deadlines.due(self, source) is None:
            self._deadlines.set(self, source, now + PERIOD)
        return True

    def go_on(self, source: str, now: float) -> None:
        """Gives as many of a source's answers as it has turns for."""
        waiting = self._answers.get(source, {})
        while waiting and self._stateless.turns.answer(source, now):
            self._stateless.refuse(*waiting.pop(next(iter(waiting))))
        if waiting:
            self._deadlines.set(self, source, now + PERIOD)
        else:
            self._forget(source)

    def handle_timer(self, source: str, now: float) -> None:
        self.go_on(source, now)

    def flow_closed(self, flow: Flow) -> None:
        """Nobody is there any more to be answered."""
        source = source_of(flow.remote[0])
        waiting = self._answers.get(source, {})
        waiting.pop(flow, None)
        if not waiting:
            self._forget(source)

    def _forget(self, source: str) -> None:
        self._answers.pop(source, None)
        self._deadlines.cancel(self, source)
