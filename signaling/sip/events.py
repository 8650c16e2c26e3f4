"""What the user agent tells. Every call begins with IncomingCall or `invite` and ends with exactly one CallEnded."""

from dataclasses import dataclass
from typing import Literal

from signaling.sip.flow import Flow
from vault.pii import Pii

Cause = Literal["bye", "cancel", "rejected", "timeout", "error", "lost"]


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """An INVITE of a trunk. 100 has been sent; `ring`, `progress`, `answer`, `reject` or `hang_up` follow."""

    call: str
    """Our name for the call: random, not the Call-ID."""
    trunk: str
    flow: Flow
    caller: Pii[str]
    """User part of From: the number."""
    display: Pii[str]
    called: str
    """User part of the Request-URI."""
    sdp: str | None
    """The offer; None: our own offer goes with `answer`, and the peer's answer comes with CallAnswered."""


@dataclass(frozen=True, slots=True)
class CallRinging:
    """180 came for a call of ours."""

    call: str


@dataclass(frozen=True, slots=True)
class CallProgress:
    """A provisional answer with SDP came for a call of ours: early media."""

    call: str
    sdp: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """Incoming: the ACK came; `sdp` is the answer to our late offer. Outgoing: the 200 came; `sdp` is its answer,
    or the offer if our INVITE had none: then `accept_offer` sends the ACK."""

    call: str
    sdp: str | None


@dataclass(frozen=True, slots=True)
class CallOffer:
    """A re-INVITE or UPDATE: to be met by `accept_offer` or `reject_offer`. None: our offer is asked for."""

    call: str
    sdp: str | None


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """The peer's answer to the offer that we gave for a CallOffer without SDP."""

    call: str
    sdp: str | None


@dataclass(frozen=True, slots=True)
class OfferWithdrawn:
    """The peer cancelled its re-INVITE before we met it: the session is as it was before the CallOffer."""

    call: str


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """An INFO said that the peer has pressed a digit."""

    call: str
    digit: Pii[str]
    duration_ms: int


@dataclass(frozen=True, slots=True)
class CallEnded:
    """Over. bye: by either side after the answer; cancel: before it; rejected: by a final answer of either side;
    timeout: nobody answered, or the ACK never came; error: a fault of protocol; lost: the connection failed before the
    answer."""

    call: str
    cause: Cause
    status: int
    """The final status of the INVITE that says why; 200 after an answered call."""


SipEvent = (
    IncomingCall
    | CallRinging
    | CallProgress
    | CallAnswered
    | CallOffer
    | OfferAnswered
    | OfferWithdrawn
    | DigitPressed
    | CallEnded
)
