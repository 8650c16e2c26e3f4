"""The moment in which customer and agent are joined."""

from signaling.center.agent_states import Input
from signaling.center.contact import Contact
from signaling.center.decisions import Decision, SaveContact, TellContact
from signaling.center.floor import Floor
from signaling.center.recording import start_at_join


def join(floor: Floor, contact: Contact, now: float) -> list[Decision]:
    """Of an agent who is CONNECTING."""
    if contact.assignment is None:
        raise AssertionError("only a contact with an agent gets here")
    contact.assignment.step(Input.CONNECT, now)
    contact.phase, contact.connected, contact.dequeued = "connected", now, now
    started = start_at_join(floor, contact, now)
    user = contact.assignment.user.id
    # Joined and tapped first: the recorder keeps what comes before it knows whose it is, so nothing waits for its disk.
    return [*floor.show(contact), *started, TellContact(user, contact.id), SaveContact(contact.record(now))]
