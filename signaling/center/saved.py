"""What of a contact centre outlives the process: its live contacts, its agents, and what these have to do. Pure.

Which pages of an agent can be reached is not kept: each comes back by itself. Nor are alarms and prompts that ended
while nobody was there.
"""

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from signaling.center.agent_states import ContactState
from signaling.center.contact import Assignment, Contact, Talk
from signaling.center.floor import Floor
from signaling.center.flow import Flow
from signaling.center.resources import Endpoint
from signaling.center.segments import SecurePause

NO_FLOW = Flow("", {})
"""Stands for a contact's flow, which is the instance's to know; and is that of a contact that has none."""


class SavedContact(msgspec.Struct, frozen=True):
    contact: Contact
    """Without its flow and its assignment."""
    flow: str
    """The id of the flow that it is in; empty if it is in none."""
    talk: "SavedTalk | None" = None
    """The call that it is part of; None: as it was before there were calls of several contacts."""


class SavedTalk(msgspec.Struct, frozen=True):
    """What the contacts of one call share."""

    room: str
    held: bool
    secure: SecurePause | None
    music: bool
    ringback: bool
    count: int
    customer_left: bool = False


class SavedAssignment(msgspec.Struct, frozen=True):
    contact: str
    leg: str
    since: float
    expires: float | None
    state: ContactState
    endpoint: Endpoint
    reason: str
    current: bool
    """The contact is in this agent's hands, not in another's by now."""
    past: SavedContact | None
    """The contact, if it is not on the floor any more."""


class SavedAgent(msgspec.Struct, frozen=True):
    user: str
    status: str
    next_status: str | None
    since: float
    endpoint: Endpoint
    """Where he takes contacts."""
    assignment: SavedAssignment | None


def save_contact(floor: Floor, id: str) -> SavedContact | None:
    """None: there is no such contact on the floor, or it runs in a flow that the instance does not have any more."""
    contact = floor.contacts.get(id)
    return _saved(floor, contact) if contact is not None else None


def save_agent(floor: Floor, user: str) -> SavedAgent | None:
    agent = floor.agents.get(user)
    if agent is None:
        return None
    assignment = _save_assignment(floor, agent.assignment) if agent.assignment is not None else None
    return SavedAgent(user, agent.status, agent.next_status, agent.since, agent.endpoint, assignment)


def restore(floor: Floor, contacts: Iterable[SavedContact], agents: Iterable[SavedAgent]) -> list[str]:
    """Puts them back on the floor of the same instance, in another process, before anything else happens there: the ids
    of the contacts that are there now. Who or what the instance does not have any more is left out."""
    talks: dict[str, Talk] = {}
    for saved in contacts:
        contact = _opened(floor, saved)
        if contact is not None:
            floor.contacts[contact.id] = contact
            if saved.talk is not None:
                contact.belong_to(talks.setdefault(saved.talk.room, _opened_talk(saved.talk)))
    for talk in talks.values():
        talk.contacts.sort(key=lambda contact: contact.number_in_call)
    for kept in agents:
        agent = floor.agents.get(kept.user)
        if agent is not None:
            agent.status, agent.next_status, agent.since = kept.status, kept.next_status, kept.since
            agent.endpoint = kept.endpoint
            agent.assignment = _restore_assignment(floor, kept) if kept.assignment is not None else None
    return list(floor.contacts)


def _saved(floor: Floor, contact: Contact) -> SavedContact | None:
    run_flow = contact.run.flow
    flow = next((id for id, flow in floor.flows.items() if flow is run_flow), "")
    if not flow and run_flow != NO_FLOW:
        return None
    run = msgspec.structs.replace(contact.run, flow=NO_FLOW)
    talk = contact.talk
    shared = SavedTalk(talk.room, talk.held, talk.secure, talk.music, talk.ringback, talk.count, talk.customer_left)
    return SavedContact(replace(contact, run=run, assignment=None), flow, shared)


def _opened_talk(saved: SavedTalk) -> Talk:
    made = Talk(saved.room, held=saved.held, secure=saved.secure, music=saved.music, ringback=saved.ringback)
    made.count, made.customer_left = saved.count, saved.customer_left
    return made


def _opened(floor: Floor, saved: SavedContact) -> Contact | None:
    flow = floor.flows.get(saved.flow) if saved.flow else NO_FLOW
    if flow is None:
        return None
    contact = saved.contact
    queue = floor.queues.get(contact.queue.id, contact.queue) if contact.queue is not None else None
    return replace(contact, run=msgspec.structs.replace(contact.run, flow=flow), queue=queue)


def _save_assignment(floor: Floor, assignment: Assignment) -> SavedAssignment:
    contact = assignment.contact
    return SavedAssignment(
        contact=contact.id,
        leg=assignment.leg,
        since=assignment.since,
        expires=assignment.expires,
        state=assignment.state,
        endpoint=assignment.endpoint,
        reason=assignment.reason,
        current=contact.assignment is assignment,
        past=None if contact.id in floor.contacts else _saved(floor, contact),
    )


def _restore_assignment(floor: Floor, kept: SavedAgent) -> Assignment | None:
    saved = kept.assignment
    assert saved is not None
    contact = floor.contacts.get(saved.contact)
    if contact is None and saved.past is not None:
        contact = _opened(floor, saved.past)
    if contact is None:
        return None
    user = floor.agents[kept.user].user
    when = saved.since, saved.expires
    assignment = Assignment(user, contact, saved.leg, *when, saved.state, saved.endpoint, saved.reason)
    if saved.current:
        contact.assignment = assignment
    return assignment
