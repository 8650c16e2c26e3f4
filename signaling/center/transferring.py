"""Transfers: another agent, or somebody by his phone number, is asked into a call, or the call is passed on to him.

What he gets is a contact of its own, with a record, and a recording if the call is recorded; it shares the call with
the contact that it came from. While he is asked the customer hears music, and so while the agents consult; the one who
asked then joins all, or leaves, whatever the other one does meanwhile.
"""

from signaling.center.agent_states import OFFLINE, Input
from signaling.center.contact import Contact
from signaling.center.decisions import Decision, PlaceCall, SaveContact
from signaling.center.events import Transfer, TransferContact
from signaling.center.floor import Floor, NotYours
from signaling.center.handling import talking
from signaling.center.resources import QuickConnect
from signaling.center.routes import dialled
from signaling.center.segments import NotNow
from signaling.center.third_parties import call_in, plan_call
from vault.pii import Pii

PARTIES = 6
"""Of a call, the customer included."""


def transfer(floor: Floor, event: Transfer, now: float) -> list[Decision]:
    contact = talking(floor, event.user, event.contact, Input.HOLD).contact
    wanted = _wanted(floor, event)
    _check(floor, contact, wanted)
    call = None
    if wanted.type == "PHONE_NUMBER":
        call = plan_call(floor, contact, Pii(wanted.target), event.new_contact)
    floor.set_held(contact.talk, True, now)
    contact.unreached = None
    if call is not None:
        made = _called_in(floor, contact, (wanted, call), now)
    else:
        made = _passed_on(floor, contact, (wanted, event.new_contact), now)
    return [*floor.show(contact), *made, *floor.tell(contact.talk), SaveContact(contact.record(now))]


def transfer_contact(floor: Floor, event: TransferContact, now: float) -> list[Decision]:
    """Connect's TransferContact."""
    contact = floor.contacts.get(event.contact)
    if contact is None:
        raise NotYours
    if contact.disconnected is not None or contact.phase != "connected" or contact.outside:
        raise NotNow("the contact is with no agent", contact.phase)
    if bool(event.queue) == bool(event.user):
        raise ValueError("a transfer is to a queue or to a user")
    wanted = QuickConnect("", "", "QUEUE" if event.queue else "USER", event.queue or event.user)
    _check(floor, contact, wanted)
    made = _passed_on(floor, contact, (wanted, event.new_contact), now)
    return [*floor.leave(contact, "AGENT_DISCONNECT", now), *made]


def _wanted(floor: Floor, event: Transfer) -> QuickConnect:
    """Raises ValueError."""
    number = event.number.reveal()
    if bool(number) == bool(event.quick_connect):
        raise ValueError("a transfer is by a quick connect or to a number")
    if number:
        return QuickConnect("", "", "PHONE_NUMBER", number)
    found = floor.quick_connects.get(event.quick_connect)
    if found is None:
        raise ValueError("there is no such quick connect")
    return found


def _check(floor: Floor, contact: Contact, wanted: QuickConnect) -> None:
    """Raises ValueError, NotNow; nothing is changed yet."""
    live = contact.talk.live()
    if contact.talk.customer_left:
        raise NotNow("the customer has left", "left")
    if any(one.phase != "connected" for one in live):
        raise NotNow("somebody is being asked already", "transferring")
    if len(live) + 2 > PARTIES:
        raise NotNow(f"{PARTIES} are in the call already", "full")
    if wanted.type == "PHONE_NUMBER":
        return
    if wanted.type == "QUEUE":
        if wanted.target not in floor.queues:
            raise ValueError("there is no such queue")
        return
    agent = floor.agents.get(wanted.target)
    if agent is None:
        raise ValueError("there is no such agent")
    if any(one.assignment is not None and one.assignment.user.id == wanted.target for one in live):
        raise NotNow("the agent is in the call already", "full")
    if not agent.present or agent.status == OFFLINE:
        raise NotNow("the agent is not there", agent.status)


def _passed_on(floor: Floor, contact: Contact, wanted: tuple[QuickConnect, str], now: float) -> list[Decision]:
    """A new contact of the same call, and who is asked."""
    to, id = wanted
    made = _entered(floor, contact, id, now)
    made.phase, made.method, made.label = "queue", "TRANSFER", to.name
    made.recordings.asked = contact.recordings.asked
    segment = contact.recordings.agent
    if segment is not None and segment.state == "stopped":
        made.recordings.asked = frozenset()  # what was stopped stays stopped
    if to.type == "QUEUE":
        made.queue, made.enqueued = floor.queues[to.target], now
        return [SaveContact(made.record(now)), *floor.route(now)]
    made.target = to.target
    return [SaveContact(made.record(now)), *floor.route(now)]


def _called_in(floor: Floor, contact: Contact, wanted: tuple[QuickConnect, PlaceCall], now: float) -> list[Decision]:
    """A third party is called."""
    to, call = wanted
    made = _entered(floor, contact, call.contact, now)
    made.caller, made.label = dialled(to.target), to.name
    if contact.queue is not None:
        made.number = contact.queue.caller_number
    return call_in(made, call, now)


def _entered(floor: Floor, contact: Contact, id: str, now: float) -> Contact:
    """A new contact that comes from another one, in the same call."""
    made = Contact(id, contact.tenant, contact.leg, contact.number, contact.caller, now, now, contact.run)
    made.initial, made.previous = contact.initial or contact.id, contact.id
    made.enter(contact.talk)
    contact.next = made.id
    floor.contacts[made.id] = made
    return made
