"""Where a call stands."""

from enum import Enum


class Phase(Enum):
    INVITED = "invited"
    """Inbound, no final answer yet."""
    ANSWERED = "answered"
    """Inbound, 2xx sent, ACK awaited."""
    CALLING = "calling"
    """Outbound, no final answer yet."""
    CANCELLING = "cancelling"
    """Outbound, no longer wanted, final answer awaited."""
    OFFERED = "offered"
    """Outbound, 2xx with an offer came; the ACK waits for our answer."""
    UP = "up"
    CLOSING = "closing"
    """Over for our side; BYE may be sent only after the ACK (§15)."""
    LEAVING = "leaving"
    """BYE sent."""
    OVER = "over"


GONE = (Phase.CLOSING, Phase.LEAVING, Phase.OVER)
"""The call has ended for our side."""
