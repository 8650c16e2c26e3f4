"""Who is at the other end of a flow."""

from collections.abc import Callable

from signaling.sip.flow import Flow
from signaling.sip.registering.bindings import Bindings


class Parties:
    """A trunk, a phone that has registered by that flow, or nobody whom we know."""

    def __init__(self, trunk_for: Callable[[Flow], str | None], bindings: Bindings) -> None:
        self.trunk_for = trunk_for
        self._bindings = bindings

    def at(self, flow: Flow) -> str | None:
        """The name of the trunk or phone."""
        return self.trunk_for(flow) or next(iter(self._bindings.at(flow)), None)

    def is_same_hop(self, flow: Flow, before: Flow) -> bool:
        """RFC 3261 §22.1: a CANCEL has no other credentials than where it comes from, and a branch may be easy to
        guess."""
        if flow.remote[0] == before.remote[0]:
            return True
        party = self.at(flow)
        return party is not None and party == self.at(before)
