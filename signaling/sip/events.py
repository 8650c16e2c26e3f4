"""What the user agent tells. Every call begins with IncomingCall or `invite` and ends with exactly one CallEnded."""

from dataclasses import dataclass
from typing import Literal

from signaling.sip.flow import Flow
from signaling.sip.headers.identity import NOBODY, Identity
from signaling.sip.headers.reason import Reason
from signaling.sip.messages.uri import Uri
from vault.pii import Pii

Cause = Literal["bye", "cancel", "rejected", "timeout", "error", "lost", "replaced"]


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
    """The offer; None: our own offer goes with `answer`, and the peer's answer comes with CallAnswered, or with
    OfferAnswered if `progress` took it to a peer that acknowledges it (RFC 3262)."""
    identity: Identity = NOBODY
    """What the network says of the caller, beside From."""
    replaces: str | None = None
    """The call of ours whose place this one takes (RFC 3891): with the answer it ends."""
    addressed: str = ""
    """Whom the call is for beyond the Request-URI, where that is only our Contact: P-Called-Party-ID (RFC 7315 §4.2),
    else To."""


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
    """The peer's answer to an offer of ours: that of `offer`, or one given for a CallOffer or an INVITE without SDP."""

    call: str
    sdp: str | None


@dataclass(frozen=True, slots=True)
class OfferRefused:
    """The peer does not take the offer of `offer`: the session is as it was before."""

    call: str
    status: int


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
class TransferAsked:
    """The peer wants somebody else called in its place (REFER): `accept_transfer` or `refuse_transfer` follows."""

    call: str
    target: Pii[Uri]
    replaces: str | None
    """The call of ours that the new one is to replace, if it is one of ours (attended transfer)."""


@dataclass(frozen=True, slots=True)
class TransferReported:
    """How the transfer goes that `refer` asked for. The last report has a final status."""

    call: str
    status: int


@dataclass(frozen=True, slots=True)
class CallEnded:
    """Over. bye: by either side after the answer; cancel: before it; rejected: by a final answer of either side;
    timeout: nobody answered (408: not even provisionally; 487: it rang too long), the ACK never came, or the session
    timer ran out; error: a fault of protocol; lost: the connection failed before the answer; replaced: another call
    took its place (RFC 3891)."""

    call: str
    cause: Cause
    status: int
    """The final status of the INVITE that says why; 200 after an answered call."""
    reason: Reason | None = None
    """Why, as the peer's BYE, CANCEL or final answer said it (RFC 3326, RFC 6432)."""
    moved_to: Pii[Uri] | None = None
    """Whom a 3xx wants called instead: nobody is."""


@dataclass(frozen=True, slots=True)
class TakeoverRefused:
    """Another trunk than the call's own wanted to take its place (Replaces), and heard that there is no such call."""

    call: str
    """The one that goes on."""
    source: str
    """The address by which it was tried."""


SipEvent = (
    IncomingCall
    | CallRinging
    | CallProgress
    | CallAnswered
    | CallOffer
    | OfferAnswered
    | OfferRefused
    | OfferWithdrawn
    | DigitPressed
    | TransferAsked
    | TransferReported
    | TakeoverRefused
    | CallEnded
)
