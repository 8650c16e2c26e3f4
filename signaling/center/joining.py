"""The moment in which customer and agent are joined."""

from signaling.center.agent_states import Input
from signaling.center.contact import Contact
from signaling.center.decisions import Decision, SaveContact
from signaling.center.floor import Floor
from signaling.center.recording import announce_joined, start_at_join


def join(floor: Floor, contact: Contact, now: float) -> list[Decision]:
    """Of an agent who is CONNECTING."""
    if contact.assignment is None:
        raise AssertionError("only a contact with an agent gets here")
    contact.assignment.step(Input.CONNECT, now)
    contact.phase, contact.connected, contact.dequeued = "connected", now, now
    if contact.held:
        floor.set_held(contact.talk, True, now)
    started = [*start_at_join(floor, contact, now), *announce_joined(contact)]
    # Joined and tapped first: the recorder keeps what comes before it knows whose it is, so nothing waits for its disk.
    return [*floor.show(contact), *started, *floor.tell(contact.talk), SaveContact(contact.record(now))]
