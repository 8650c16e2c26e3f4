"""What is wanted of a call of ours, and what is told of it."""

from collections.abc import Callable
from dataclasses import dataclass

from relay.api import AddRtpLeg, Dtmf, Keys, Srtp
from signaling.center.resources import Tenant, Trunk
from signaling.sip.calls.outcome import Outcome
from signaling.sip.flow import Flow
from signaling.sip.headers import NameAddr
from signaling.sip.headers.reason import Reason
from signaling.sip.messages.uri import Uri
from signaling.sip.replies import Fields

RING_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class MediaRules:
    """What our offer may have: relay.api.AddRtpLeg."""

    srtp: Srtp = "offered"
    codecs: tuple[str, ...] = ("opus", "PCMU", "PCMA")
    dtmf: Dtmf = "auto"
    dtls: bool = False
    """DTLS-SRTP with ICE, relay.api.AddBrowserLeg, in which codecs and digits are as in any browser's."""
    suites: tuple[str, ...] = ()
    symmetric: bool = False
    keys: Keys = "sdes"

    @classmethod
    def of(cls, trunk: Trunk) -> "MediaRules":
        """Those of calls of a trunk, whoever begins them."""
        return cls(
            trunk.srtp,
            trunk.codecs,
            trunk.dtmf,
            suites=trunk.suites,
            symmetric=trunk.nat == "symmetric",
            keys=trunk.keying,
        )

    def leg(self, name: str, room: str, address: str, offer: str | None = None) -> AddRtpLeg:
        """The leg that they ask for. `address`: the host that SDP names; `offer`: the peer's."""
        return AddRtpLeg(
            name,
            room,
            address,
            offer,
            srtp=self.srtp,
            codecs=self.codecs,
            dtmf=self.dtmf,
            suites=self.suites,
            symmetric=self.symmetric,
            keys=self.keys,
        )


@dataclass(frozen=True, slots=True)
class Dial:
    """Whom to call, which way, as whom, and for which room."""

    tenant: Tenant
    contact: str
    """The room, and the lane in which all is done. The leg may be its first one."""
    leg: str
    flow: Flow
    """To a trunk's target, or the one by which a phone has registered."""
    target: Uri
    caller: NameAddr
    rules: MediaRules
    fields: Fields = ()
    """Further headers of the INVITE."""
    ring: float = RING_SECONDS
    """Seconds from the INVITE on."""
    patience: float | None = None
    """Seconds for the first answer of any kind; None: those of timer B."""
    trunk: str = ""
    """Its unique name: with whose credentials challenges are answered; empty: the flow tells."""
    keeps_flow: bool = False
    """Whom we call can be reached by that flow alone, whatever his Contact says."""


@dataclass(frozen=True, slots=True)
class Ringing:
    leg: str


@dataclass(frozen=True, slots=True)
class EarlyMedia:
    """Before the answer the called side gives something to hear: its own ringback, an announcement."""

    leg: str


@dataclass(frozen=True, slots=True)
class Answered:
    leg: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Not answered."""

    leg: str
    outcome: Outcome
    status: int
    """Of SIP: the called side's, or the one that says why there was none."""
    reason: Reason | None = None
    elsewhere: bool = False
    """Another target may do better."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Hung up by the called side, or lost after the answer."""

    leg: str
    wanted: bool
    """By BYE; else the called side does not answer any more."""
    reason: Reason | None = None


DialEvent = Ringing | EarlyMedia | Answered | Failed | Ended
Tell = Callable[[DialEvent], None]
