"""How requests were answered, counted by trunk, side, method and status."""

from collections import Counter
from collections.abc import Callable
from typing import Literal, NamedTuple

from signaling.sip.flow import Flow
from signaling.sip.messages.message import KNOWN_METHODS

Side = Literal["theirs", "ours"]
"""Whose the request was."""
OTHER = "other"
"""Stands for every method that is not in the registry: a peer may invent as many as he likes."""


TrunkFor = Callable[[Flow], str | None]
"""The name of the trunk at the other end of a flow."""


class Said(NamedTuple):
    trunk: str
    """Empty: nobody's."""
    side: Side
    method: str
    status: int
    """Final; 408 and 503 too where no answer came at all."""


class Tally:
    def __init__(self, trunk_for: TrunkFor) -> None:
        self.counts: Counter[Said] = Counter()
        self._trunk_for = trunk_for

    def count(self, flow: Flow, said: Said) -> None:
        """Where it is not said whose it was, the flow tells."""
        method = said.method if said.method in KNOWN_METHODS else OTHER
        trunk = said.trunk or self._trunk_for(flow) or ""
        self.counts[said._replace(trunk=trunk, method=method)] += 1
