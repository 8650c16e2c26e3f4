"""A third party: somebody whose phone number an agent calls into the call.

He gets a contact of his own, with a record and without a recording: what he says is in those of the agents, as long as
one is there. While it rings the agents hear that, and the customer hears music. When he has answered they talk, and the
one who asked joins all, or leaves the customer to him. Without an agent the call is over when either of them leaves.
"""

from signaling.center.contact import Attempt, Contact
from signaling.center.decisions import Decision, PlaceCall, SaveContact
from signaling.center.events import CalledFailed, CustomerLeft
from signaling.center.floor import Floor, NotAllowed
from signaling.center.flow_run import Disconnect
from signaling.center.outbound import PERMISSION, routed
from signaling.center.record import DisconnectReason
from signaling.center.recording import announce_joined
from signaling.center.resources import Queue
from signaling.center.routes import dialled
from vault.pii import Pii


def plan_call(floor: Floor, contact: Contact, number: Pii[str], new: str) -> PlaceCall:
    """The call to the number, shown as the contact's queue has it. Raises NotAllowed, ValueError."""
    user = contact.assignment.user.id if contact.assignment is not None else ""
    if PERMISSION not in floor.permissions(user):
        raise NotAllowed(f"you need the permission {PERMISSION}")
    passed_on = contact.number if contact.talk.contacts[0].method == "INBOUND" else ""
    call = PlaceCall(new, f"{new}/party", (), passed_on=passed_on, room=contact.talk.room)
    return routed(floor, call, dialled(number.reveal()), contact.queue or Queue("", ""))


def call_in(made: Contact, call: PlaceCall, now: float) -> list[Decision]:
    """`made`: his contact, of the call that it is to be."""
    made.outside, made.phase, made.method, made.answered = call.leg, "dialling", "EXTERNAL_OUTBOUND", None
    made.recordings.asked = frozenset()
    made.attempt = Attempt(call, Disconnect(), placed=True)
    return [SaveContact(made.record(now)), call]


def answered(floor: Floor, contact: Contact, now: float) -> list[Decision]:
    contact.phase = "connected"
    told = announce_joined(contact)
    return [*floor.show(contact), *told, *floor.tell(contact.talk), SaveContact(contact.record(now))]


def failed(floor: Floor, contact: Contact, event: CalledFailed, now: float) -> list[Decision]:
    """Who asked reads why, and still has the customer."""
    if contact.attempt is None:
        raise AssertionError("only calls of ours get here")
    contact.attempt.outcome, contact.attempt.status, contact.attempt.reason = event.outcome, event.status, event.reason
    for one in contact.talk.live():
        if one.next == contact.id:
            one.unreached = event.outcome
    return floor.leave(contact, "TELECOM_PROBLEM" if event.outcome == "failed" else "OTHER", now)


def left(floor: Floor, contact: Contact, event: CustomerLeft, now: float) -> list[Decision]:
    reason: DisconnectReason = "TELECOM_PROBLEM" if event.failed else "THIRD_PARTY_DISCONNECT"
    if contact.attempt is not None and event.reason is not None:
        contact.attempt.reason = event.reason
    return floor.leave(contact, reason, now)
