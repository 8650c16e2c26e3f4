"""What agents bring about: presence, status, and the handling of the contact that they were offered."""

from signaling.center.agent_states import Input, WrongState
from signaling.center.contact import Assignment, Contact
from signaling.center.decisions import Decision, TellAgent, TellContact
from signaling.center.events import (
    CUSTOMER,
    EVERYBODY,
    Accept,
    AgentAbsent,
    AgentCut,
    AgentMediaFailed,
    AgentMediaUp,
    AgentPresent,
    Clear,
    Drop,
    HangUp,
    Hold,
    Mute,
    PhonePresence,
    RecorderPresence,
    Reject,
    SetEndpoint,
    SetStatus,
)  # fmt: skip
from signaling.center.floor import CONNECT_SECONDS, Floor, NotYours
from signaling.center.joining import join
from signaling.center.placing import caller_ready, cancel, fail, is_placing

TALKING = ("CONNECTED", "CONNECTED_ONHOLD")


def agent_present(floor: Floor, event: AgentPresent, now: float) -> list[Decision]:
    floor.agent(event.user).arrive(now)
    return [TellAgent(event.user), *floor.route(now)]


def agent_cut(floor: Floor, event: AgentCut, now: float) -> list[Decision]:
    """He is offered nothing that he could not see; what he has goes on."""
    floor.agent(event.user).present = False
    return []


def agent_absent(floor: Floor, event: AgentAbsent, now: float) -> list[Decision]:
    """The contact in his hands goes on without him where it can, and ends where it cannot."""
    agent = floor.agent(event.user)
    decisions: list[Decision] = []
    assignment = agent.assignment
    if assignment is not None and is_placing(assignment):
        decisions += cancel(floor, assignment, now)
    elif assignment is not None and assignment.state in ("INCOMING", "CONNECTING"):
        decisions += floor.give_back(assignment, _giving_up(assignment), now)
    elif assignment is not None and assignment.state in TALKING:
        decisions += floor.leave(assignment.contact, "AGENT_DISCONNECT", now)
    decisions += floor.release(agent, now)
    agent.leave(now)
    return [*decisions, TellAgent(event.user), *floor.route(now)]


def phone_presence(floor: Floor, event: PhonePresence, now: float) -> list[Decision]:
    """He is offered nothing that he could not take."""
    floor.agent(event.user).phone_there = event.there
    return [TellAgent(event.user), *floor.route(now)]


def set_endpoint(floor: Floor, event: SetEndpoint, now: float) -> list[Decision]:
    agent = floor.agent(event.user)
    if event.endpoint == "phone" and not agent.phone_there:
        raise ValueError("no phone of yours is registered")
    agent.endpoint = event.endpoint
    return [TellAgent(event.user), *floor.route(now)]


def set_status(floor: Floor, event: SetStatus, now: float) -> list[Decision]:
    floor.agent(event.user).set_status(event.status, now)
    return [TellAgent(event.user), *floor.route(now)]


def accept(floor: Floor, event: Accept, now: float) -> list[Decision]:
    assignment = floor.assignment(event.user, event.contact)
    assignment.step(Input.ACCEPT, now)
    assignment.expires = now + CONNECT_SECONDS
    return [TellContact(event.user, event.contact)]


def reject(floor: Floor, event: Reject, now: float) -> list[Decision]:
    assignment = floor.assignment(event.user, event.contact)
    return [*floor.give_back(assignment, Input.REJECT, now), *floor.route(now)]


def agent_media_up(floor: Floor, event: AgentMediaUp, now: float) -> list[Decision]:
    """The two are joined. A leg that comes back within a call that goes on changes nothing."""
    contact = floor.live(event.contact)
    if contact is None or contact.assignment is None or contact.assignment.state != "CONNECTING":
        return []
    if is_placing(contact.assignment):
        return caller_ready(floor, contact, now)
    return join(floor, contact, now)


def agent_media_failed(floor: Floor, event: AgentMediaFailed, now: float) -> list[Decision]:
    contact = floor.live(event.contact)
    if contact is None or contact.assignment is None or contact.assignment.state != "CONNECTING":
        return []
    contact.assignment.reason = event.reason
    if is_placing(contact.assignment):
        return fail(floor, contact, "OTHER", now)
    return [*floor.give_back(contact.assignment, Input.FAIL, now), *floor.route(now)]


def mute(floor: Floor, event: Mute, now: float) -> list[Decision]:
    assignment = talking(floor, event.user, event.contact, Input.HOLD)
    assignment.contact.muted = event.on
    return [*floor.show(assignment.contact), *floor.tell(assignment.contact.talk)]


def hold(floor: Floor, event: Hold, now: float) -> list[Decision]:
    """The customer, or another agent of the call, or all but who asks; to take all back is to join them."""
    contact = talking(floor, event.user, event.contact, Input.HOLD).contact
    if event.participant == CUSTOMER and contact.talk.customer_left:
        raise NotYours
    before = _holding(contact)
    if event.participant in (CUSTOMER, EVERYBODY) and not contact.talk.customer_left:
        floor.set_held(contact.talk, event.on, now)
    if event.participant == EVERYBODY:
        contact.parked = False
        floor.park(contact.talk, event.on, contact)
    elif event.participant != CUSTOMER:
        _other(contact, event.participant).parked = event.on
    if _holding(contact) == before:
        return []
    return [*floor.show(contact), *floor.tell(contact.talk)]


def hang_up(floor: Floor, event: HangUp, now: float) -> list[Decision]:
    waiting = floor.assignment(event.user, event.contact)
    if is_placing(waiting):
        return [*cancel(floor, waiting, now), *floor.route(now)]
    assignment = talking(floor, event.user, event.contact, Input.END)
    return floor.leave(assignment.contact, "AGENT_DISCONNECT", now)


def drop(floor: Floor, event: Drop, now: float) -> list[Decision]:
    """Another agent of the call, or who is asked to take it."""
    contact = talking(floor, event.user, event.contact, Input.END).contact
    other = next((one for one in contact.talk.live() if one.id == event.participant and one is not contact), None)
    if other is None:
        raise NotYours
    return [*floor.leave(other, "OTHER", now), *floor.route(now)]


def clear(floor: Floor, event: Clear, now: float) -> list[Decision]:
    assignment = floor.assignment(event.user, event.contact)
    assignment.step(Input.CLEAR, now)
    return [*floor.release(floor.agent(event.user), now), *floor.route(now)]


def recorder_presence(floor: Floor, event: RecorderPresence, now: float) -> list[Decision]:
    floor.recorder_there = event.there
    recorded = [contact for contact in floor.contacts.values() if contact.recordings.running()]
    return [
        TellContact(contact.assignment.user.id, contact.id) for contact in recorded if contact.assignment is not None
    ]


def give_up(floor: Floor, assignment: Assignment, now: float) -> list[Decision]:
    """The offer was not accepted in time, or the accepted contact's media did not come."""
    if assignment.state == "CONNECTING":
        assignment.reason = "The audio connection could not be made."
        if is_placing(assignment):
            return [*fail(floor, assignment.contact, "OTHER", now), TellAgent(assignment.user.id)]
    return [*floor.give_back(assignment, _giving_up(assignment), now), TellAgent(assignment.user.id)]


def _giving_up(assignment: Assignment) -> Input:
    return Input.EXPIRE if assignment.state == "INCOMING" else Input.FAIL


def _holding(contact: Contact) -> list[bool]:
    return [contact.held, *(one.parked for one in contact.talk.speaking())]


def _other(contact: Contact, id: str) -> Contact:
    """Raises NotYours."""
    found = next((one for one in contact.talk.speaking() if one.id == id and one is not contact), None)
    if found is None:
        raise NotYours
    return found


def talking(floor: Floor, user: str, contact: str, input: Input) -> Assignment:
    """What an agent has who talks. Raises NotYours, WrongState."""
    assignment = floor.assignment(user, contact)
    if assignment.state not in TALKING:
        raise WrongState(assignment.state, input)
    return assignment
