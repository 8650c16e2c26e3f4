"""Who calls, by the trunk's rule: From, or what its network asserts. Who hides his number keeps it hidden. Pure."""

from signaling.center.resources import CallerRule
from signaling.sip.events import IncomingCall
from vault.pii import Pii

ANONYMOUS = "anonymous"
"""Stands for every caller who shows no number (RFC 3323 §4.1.1.3)."""


def caller_of(call: IncomingCall, rule: CallerRule) -> Pii[str]:
    """The number that the contact, its flow and its agent get to see."""
    if call.identity.is_hidden or call.caller.reveal().lower() == ANONYMOUS:
        return Pii(ANONYMOUS)
    if rule == "asserted" and call.identity.number:
        return Pii(call.identity.number)
    return call.caller


def diverted_from(call: IncomingCall) -> Pii[str]:
    """The number that the caller had dialled before somebody sent the call on to ours; empty if nobody did."""
    return Pii(call.identity.diverted_from)
