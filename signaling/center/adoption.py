"""After the control plane was started anew: what follows for a contact whose call goes on, and for one whose does
not."""

from signaling.center.agent_states import Input
from signaling.center.call import PROMPT
from signaling.center.contact import Contact
from signaling.center.customers import break_off
from signaling.center.decisions import Decision, MaskDigits, PlayPrompt, StopPlayer, TellAgent
from signaling.center.events import CalledFailed, ContactAdopted, ContactNotAdopted
from signaling.center.floor import Floor
from signaling.center.flow_run import text_of
from signaling.center.recording import starts
from signaling.center.third_parties import failed

INTERRUPTED = "The system was started anew while the audio connection was made."
NOT_ADOPTED = "The system was started anew, and the call could not be taken over."


def contact_adopted(floor: Floor, event: ContactAdopted, now: float) -> list[Decision]:
    """Its legs are where they were. What was decided and perhaps not done any more is done again; it changes nothing
    that was done."""
    contact = floor.line(event.contact)
    if contact is None:
        return []
    talk = contact.talk
    masked = MaskDigits(talk.room, contact.leg, talk.secure is not None)
    decisions: list[Decision] = [masked, *floor.show(contact)]
    text = text_of(contact.run) if contact.phase == "flow" else ""
    if text:
        # That the announcement has ended may have been told to nobody: it is spoken again.
        decisions += [StopPlayer(contact.id, PROMPT), PlayPrompt(contact.id, PROMPT, text)]
    decisions += floor.tell(talk)  # their phones may have to ring again
    for one in talk.live():
        decisions += _give_up_connecting(floor, one, now)
    return decisions


def contact_not_adopted(floor: Floor, event: ContactNotAdopted, now: float) -> list[Decision]:
    return break_off(floor, event.contact, "OTHER", NOT_ADOPTED, now)


def running_recordings(floor: Floor) -> list[Decision]:
    """The recordings that go on, to be told to a recorder that seals those that it is not told of."""
    return [decision for contact in floor.contacts.values() for decision in starts(contact)]


def _give_up_connecting(floor: Floor, contact: Contact, now: float) -> list[Decision]:
    """Whether his leg was made, and whether it came up, was told to nobody."""
    if contact.outside and contact.phase == "dialling":
        return failed(floor, contact, CalledFailed(contact.id, "failed", 503), now)
    assignment = contact.assignment
    if assignment is None or assignment.state != "CONNECTING":
        return []
    assignment.reason = INTERRUPTED
    given_back = floor.give_back(assignment, Input.FAIL, now)
    return [*given_back, TellAgent(assignment.user.id), *floor.route(now)]
