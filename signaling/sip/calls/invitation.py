"""The INVITE of a call of ours (RFC 3261 §13.2.1)."""

from dataclasses import dataclass

from signaling.sip.config import SipConfig
from signaling.sip.flow import Flow
from signaling.sip.headers import CSeq, NameAddr, make_via
from signaling.sip.messages.bodies import SDP
from signaling.sip.messages.grammar import Params
from signaling.sip.messages.message import Headers, Request
from signaling.sip.messages.uri import Uri
from signaling.sip.replies import ALLOW, SUPPORTED, Fields, make_contact


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom to call, as whom, with which offer."""

    target: Uri
    caller: NameAddr
    sdp: str | None
    fields: Fields = ()
    """Further headers."""
    ring: float | None = None
    """Seconds until we give up, counted from the INVITE; None: timer C."""
    patience: float | None = None
    """Seconds for the first answer of any kind to come; None: timer B."""
    trunk: str = ""
    """By whose credentials challenges are answered; empty: the flow tells."""
    keeps_flow: bool = False
    """The peer can be reached by this flow alone, whatever his Contact says (RFC 5626)."""


def make_invite(
    config: SipConfig, flow: Flow, invitation: Invitation, names: tuple[str, str, int], timer: Fields
) -> Request:
    """`names`: Call-ID, our tag, number in CSeq; `timer`: what is said of the session timer. Raises ValueRefused for a
    value that no message can carry."""
    call_id, tag, number = names
    secure = invitation.target.scheme == "sips" and flow.transport == "tls"
    fields = [
        ("Via", str(make_via(flow.transport, flow.local, config.new_id()))),
        ("Max-Forwards", "70"),
        ("From", str(NameAddr(invitation.caller.uri, invitation.caller.display, Params((("tag", tag),))))),
        ("To", str(NameAddr(invitation.target))),
        ("Call-ID", call_id),
        ("CSeq", str(CSeq(number, "INVITE"))),
        ("Contact", make_contact(flow, secure)),
        ALLOW,
        SUPPORTED,
        ("User-Agent", config.product),
        *timer,
        *invitation.fields,
    ]
    if invitation.sdp is not None:
        fields.append(("Content-Type", SDP))
    return Request("INVITE", str(invitation.target), Headers(fields), (invitation.sdp or "").encode())
