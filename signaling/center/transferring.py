"""Transfers: another agent is asked into a call, or the call is passed on to him.

What he gets is a contact of its own, with a record, and a recording if the call is recorded; it shares the call with
the contact that it came from. While he is asked the customer hears music, and so while the agents consult; the one who
asked then joins all, or leaves, whatever the other one does meanwhile.
"""

from signaling.center.agent_states import Input
from signaling.center.contact import Contact
from signaling.center.decisions import Decision, SaveContact
from signaling.center.events import Transfer, TransferContact
from signaling.center.floor import Floor, NotYours
from signaling.center.handling import talking
from signaling.center.resources import QuickConnect
from signaling.center.segments import NotNow

PARTIES = 6
"""Of a call, the customer included."""


def transfer(floor: Floor, event: Transfer, now: float) -> list[Decision]:
    contact = talking(floor, event.user, event.contact, Input.HOLD).contact
    wanted = floor.quick_connects.get(event.quick_connect)
    if wanted is None:
        raise ValueError("there is no such quick connect")
    _check(floor, contact, wanted)
    floor.set_held(contact.talk, True, now)
    made = _passed_on(floor, contact, (wanted, event.new_contact), now)
    return [*floor.show(contact), *made, *floor.tell(contact.talk), SaveContact(contact.record(now))]


def transfer_contact(floor: Floor, event: TransferContact, now: float) -> list[Decision]:
    """Connect's TransferContact."""
    contact = floor.contacts.get(event.contact)
    if contact is None:
        raise NotYours
    if contact.disconnected is not None or contact.phase != "connected":
        raise NotNow("the contact is with no agent", contact.phase)
    if bool(event.queue) == bool(event.user):
        raise ValueError("a transfer is to a queue or to a user")
    wanted = QuickConnect("", "", "QUEUE" if event.queue else "USER", event.queue or event.user)
    _check(floor, contact, wanted)
    made = _passed_on(floor, contact, (wanted, event.new_contact), now)
    return [*floor.leave(contact, "AGENT_DISCONNECT", now), *made]


def _check(floor: Floor, contact: Contact, wanted: QuickConnect) -> None:
    """Raises ValueError, NotNow; nothing is changed yet."""
    live = contact.talk.live()
    if any(one.phase != "connected" for one in live):
        raise NotNow("somebody is being asked already", "transferring")
    if len(live) + 2 > PARTIES:
        raise NotNow(f"{PARTIES} are in the call already", "full")
    if wanted.type == "QUEUE":
        if wanted.target not in floor.queues:
            raise ValueError("there is no such queue")
        return
    agent = floor.agents.get(wanted.target)
    if agent is None:
        raise ValueError("there is no such agent")
    if not agent.routable:
        raise NotNow("the agent is not free", agent.status)


def _passed_on(floor: Floor, contact: Contact, wanted: tuple[QuickConnect, str], now: float) -> list[Decision]:
    """A new contact of the same call, and who is asked."""
    to, id = wanted
    made = Contact(
        id,
        contact.tenant,
        contact.leg,
        contact.number,
        contact.caller,
        now,
        now,
        contact.run,
        "queue",
        "TRANSFER",
        initial=contact.initial or contact.id,
        previous=contact.id,
    )
    made.enter(contact.talk)
    made.recordings.asked = contact.recordings.asked
    segment = contact.recordings.agent
    if segment is not None and segment.state == "stopped":
        made.recordings.asked = frozenset()  # what was stopped stays stopped
    contact.next = made.id
    floor.contacts[made.id] = made
    if to.type == "QUEUE":
        made.queue, made.enqueued = floor.queues[to.target], now
        return [SaveContact(made.record(now)), *floor.route(now)]
    made.target = to.target
    return [SaveContact(made.record(now)), *floor.offer(made, floor.agents[to.target], now)]
