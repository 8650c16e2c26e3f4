"""What agents bring about: presence, status, and the handling of the contact that they were offered."""

from signaling.center.agent_states import Input, WrongState
from signaling.center.contact import Assignment
from signaling.center.decisions import Decision, TellAgent, TellContact
from signaling.center.events import (
    Accept,
    AgentAbsent,
    AgentCut,
    AgentMediaFailed,
    AgentMediaUp,
    AgentPresent,
    Clear,
    HangUp,
    Hold,
    Mute,
    PhonePresence,
    RecorderPresence,
    Reject,
    SetEndpoint,
    SetStatus,
)  # fmt: skip
from signaling.center.floor import CONNECT_SECONDS, Floor
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
        decisions += floor.end(assignment.contact, "AGENT_DISCONNECT", now)
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
    assignment = _talking(floor, event.user, event.contact, Input.HOLD)
    assignment.contact.muted = event.on
    return [*floor.show(assignment.contact), TellContact(event.user, event.contact)]


def hold(floor: Floor, event: Hold, now: float) -> list[Decision]:
    assignment = _talking(floor, event.user, event.contact, Input.HOLD)
    contact = assignment.contact
    if contact.held == event.on:
        return []
    assignment.step(Input.HOLD if event.on else Input.RESUME, now)
    if event.on:
        contact.holds.start(now)
    else:
        contact.holds.stop(now)
    return [*floor.show(contact), TellContact(event.user, event.contact)]


def hang_up(floor: Floor, event: HangUp, now: float) -> list[Decision]:
    waiting = floor.assignment(event.user, event.contact)
    if is_placing(waiting):
        return [*cancel(floor, waiting, now), *floor.route(now)]
    assignment = _talking(floor, event.user, event.contact, Input.END)
    return floor.end(assignment.contact, "AGENT_DISCONNECT", now)


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


def _talking(floor: Floor, user: str, contact: str, input: Input) -> Assignment:
    assignment = floor.assignment(user, contact)
    if assignment.state not in TALKING:
        raise WrongState(assignment.state, input)
    return assignment
