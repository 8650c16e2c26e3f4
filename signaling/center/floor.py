"""The floor of a contact centre: its agents and live contacts, and what every kind of event may bring about among
them."""

from collections.abc import Callable

from signaling.center.agent import Agent
from signaling.center.agent_states import OFFLINE, Input
from signaling.center.call import MUSIC, PROMPT, RINGBACK, hearing, taps
from signaling.center.contact import Assignment, Contact, Talk
from signaling.center.decisions import (
    Decision,
    DropAgent,
    DropCustomer,
    DropThirdParty,
    PlayMusic,
    PlayRingback,
    SaveContact,
    SealRecording,
    SetPicture,
    StopPlayer,
    TellAgent,
    TellContact,
)  # fmt: skip
from signaling.center.flow import Flow, parse_flow
from signaling.center.record import DisconnectReason
from signaling.center.resources import Directory
from signaling.center.routing import Ready, Waiting, assign, next_due
from signaling.center.security import granted
from signaling.center.segments import Input as RecordingInput

OFFER_SECONDS = 20.0
CONNECT_SECONDS = 15.0
"""How long an accepted contact may take until media flows."""


class NotYours(Exception):
    """There is no such contact, or it is not this agent's: the two look alike."""


class NotAllowed(Exception):
    """The agent's security profiles do not let him; the text is for people."""


class Floor:
    """`new_recording` makes ids of recordings, 32 hexadecimal digits. Raises FlowError for a flow that cannot be
    run."""

    def __init__(self, directory: Directory, new_recording: Callable[[], str]) -> None:
        self.tenant = directory.tenant
        self.recording = directory.recording
        self.new_recording = new_recording
        self.flows: dict[str, Flow] = {flow.id: parse_flow(flow.content) for flow in directory.flows}
        self.numbers = {number.number: number.flow for number in directory.numbers}
        self.quick_connects = {one.id: one for one in directory.quick_connects}
        self.queues = {queue.id: queue for queue in directory.queues}
        self.profiles = {profile.id: profile.rows for profile in directory.routing_profiles}
        self.outbound_queues = {profile.id: profile.outbound_queue for profile in directory.routing_profiles}
        self.trunks = directory.trunks
        self.agents = {user.id: Agent(user) for user in directory.users if user.routing_profile}
        self.contacts: dict[str, Contact] = {}
        self.recorder_there = True
        self._security = {profile.id: profile for profile in directory.security_profiles}

    def agent(self, user: str) -> Agent:
        """Raises NotYours for somebody who takes no contacts."""
        if user not in self.agents:
            raise NotYours
        return self.agents[user]

    def permissions(self, user: str) -> frozenset[str]:
        """What the agent's security profiles grant him. Raises NotYours."""
        profiles = self.agent(user).user.security_profiles
        return granted(self._security[id] for id in profiles if id in self._security)

    def assignment(self, user: str, contact: str) -> Assignment:
        """What the agent has to do with this contact. Raises NotYours."""
        current = self.agent(user).assignment
        if current is None or current.contact.id != contact:
            raise NotYours
        return current

    def live(self, contact: str) -> Contact | None:
        """The contact, unless it is over."""
        found = self.contacts.get(contact)
        return found if found is not None and found.disconnected is None else None

    def next_route(self, now: float) -> float | None:
        """When a routing delay runs out next."""
        ready = self._ready()
        return next_due(self._waiting(), ready, now) if ready else None

    def route(self, now: float) -> list[Decision]:
        """Offers waiting contacts to free agents, first those that are for one of them."""
        decisions = [made for one in list(self.contacts.values()) for made in self._ask_wanted(one, now)]
        ready = self._ready()
        for offer in assign(self._waiting(), ready, now) if ready else ():
            decisions += self.offer(self.contacts[offer.contact], self.agents[offer.agent], now)
        return decisions

    def _ask_wanted(self, contact: Contact, now: float) -> list[Decision]:
        """The agent whom the contact is for is asked as soon as he is free; when he goes, it has come to nothing."""
        agent = self.agents.get(contact.target)
        if agent is None or not contact.waiting_for_agent:
            return []
        if agent.status == OFFLINE:
            return self.leave(contact, "OTHER", now)
        return self.offer(contact, agent, now) if agent.routable else []

    def offer(self, contact: Contact, agent: Agent, now: float) -> list[Decision]:
        """Asks an agent who is free."""
        contact.attempts += 1
        leg = f"{contact.id}/agent-{contact.attempts}"
        expires = now + OFFER_SECONDS
        assignment = Assignment(agent.user, contact, leg, now, expires, endpoint=agent.endpoint)
        contact.assignment = agent.assignment = assignment
        return [TellAgent(agent.user.id), *self.tell(contact.talk)]

    def give_back(self, assignment: Assignment, input: Input, now: float) -> list[Decision]:
        """The agent will not have it: the contact waits on, the agent is left with what became of the offer."""
        connecting = assignment.state == "CONNECTING"
        assignment.step(input, now)
        contact = assignment.contact
        contact.assignment = None
        told: list[Decision] = [TellContact(assignment.user.id, contact.id)]
        if connecting:
            told.insert(0, DropAgent(contact.id, assignment.leg, contact.talk.room))
        if contact.target:
            return [*told, *self.leave(contact, "OTHER", now)]
        return [*told, *self.tell(contact.talk)]

    def release(self, agent: Agent, now: float) -> list[Decision]:
        """The agent's contact is cleared; a contact that is over is now complete."""
        assignment = agent.assignment
        agent.release(now)
        if assignment is None:
            return []
        decisions: list[Decision] = [TellContact(agent.user.id, assignment.contact.id), TellAgent(agent.user.id)]
        contact = assignment.contact
        if contact.assignment is assignment and contact.disconnected is not None:
            contact.cleared = now
            self.contacts.pop(contact.id, None)
            decisions.append(SaveContact(contact.record(now)))
        return decisions

    def show(self, contact: Contact) -> list[Decision]:
        """The room as the contact's state wants it: music while somebody must hear it, and the picture."""
        call = contact.call()
        wanted = any(hear.source == MUSIC for hear in hearing(call))
        talk, decisions = contact.talk, list[Decision]()
        if wanted and not talk.music:
            decisions.append(PlayMusic(talk.room, MUSIC))
        rings = any(hear.source == RINGBACK for hear in hearing(call))
        if rings and not talk.ringback:
            decisions.append(PlayRingback(talk.room, RINGBACK))
        decisions.append(SetPicture(talk.room, hearing(call), taps(call)))
        if talk.ringback and not rings:
            decisions.append(StopPlayer(talk.room, RINGBACK))
        talk.ringback = rings
        if talk.music and not wanted:
            decisions.append(StopPlayer(talk.room, MUSIC))
        talk.music = wanted
        return decisions

    def end(self, contact: Contact, reason: DisconnectReason, now: float) -> list[Decision]:
        """The call is over for everybody; each agent who talked has after-contact work."""
        talk, live = contact.talk, contact.talk.live()
        decisions: list[Decision] = [SetPicture(talk.room, (), ())]
        talk.secure, talk.held = None, False
        for one in live:
            decisions += self._close(one, reason, now)
        decisions += [StopPlayer(talk.room, PROMPT)] if contact.phase == "flow" else []
        decisions += [StopPlayer(talk.room, MUSIC)] if talk.music else []
        decisions += [StopPlayer(talk.room, RINGBACK)] if talk.ringback else []
        return [*decisions, DropCustomer(talk.room, contact.leg), *self._saved(live, now)]

    def leave(self, contact: Contact, reason: DisconnectReason, now: float) -> list[Decision]:
        """The contact is over, and the call goes on with the others: nobody stays on hold for whom it was passed on,
        nor when no agent is left. Without others the call is over."""
        talk = contact.talk
        others = [one for one in talk.live() if one is not contact]
        if not talk.lives_on(contact):
            return self.end(contact, reason, now)
        closed, changed = self._close(contact, reason, now), [contact]
        if not contact.joined:
            changed += self._forget_transfer(contact, others)
        elif not contact.outside:
            self.park(talk, False)
        later = any(one.number_in_call > contact.number_in_call for one in others)
        if (later and not contact.outside) or all(one.outside for one in others):
            self.set_held(talk, False, now)
        return [*self.show(others[0]), *closed, *self._saved(changed, now), *self.tell(talk)]

    def lose_customer(self, contact: Contact, now: float) -> list[Decision]:
        """The customer has left agents, or an agent and a third party, who talk on; nobody is looked for any more."""
        talk = contact.talk
        talk.customer_left = True
        self.set_held(talk, False, now)
        asked = [one for one in talk.live() if one.phase != "connected"]
        closed = [decision for one in asked for decision in self._close(one, "CUSTOMER_DISCONNECT", now)]
        for one in asked:
            self._forget_transfer(one, talk.live())
        left = DropCustomer(talk.room, contact.leg, last=False)
        return [*self.show(talk.live()[0]), left, *closed, *self._saved(asked, now), *self.tell(talk)]

    def set_held(self, talk: Talk, on: bool, now: float) -> None:
        """The customer is put on hold, or taken back, for all agents alike."""
        talk.held = on
        for one in talk.speaking():
            state = one.assignment.state if one.assignment is not None else ""
            if one.assignment is not None and (state == "CONNECTED_ONHOLD") != on:
                one.assignment.step(Input.HOLD if on else Input.RESUME, now)
                one.holds.start(now) if on else one.holds.stop(now)

    def park(self, talk: Talk, on: bool, but: Contact | None = None) -> None:
        """All agents but one are put on hold, or taken back."""
        for one in talk.speaking():
            one.parked = on and one is not but

    def tell(self, talk: Talk) -> list[Decision]:
        """What all agents of a call are shown."""
        return [TellContact(one.assignment.user.id, one.id) for one in talk.live() if one.assignment is not None]

    def line(self, room: str) -> Contact | None:
        """Of the call in this room a contact that goes on."""
        found = self.live(room)
        if found is not None:
            return found
        return next((one for one in self.contacts.values() if one.talk.room == room and one.disconnected is None), None)

    def together(self, contact: str) -> set[str]:
        """The contact, and those that share its call now."""
        one = self.contacts.get(contact) or self.line(contact)
        return {contact, *(other.id for other in one.talk.live())} if one is not None else {contact}

    def _forget_transfer(self, contact: Contact, others: list[Contact]) -> list[Contact]:
        """It came to nothing: who began it still has the customer, if he has not left."""
        found = [one for one in others if one.next == contact.id]
        for one in found:
            one.next = None
        return found

    def _close(self, contact: Contact, reason: DisconnectReason, now: float) -> list[Decision]:
        contact.holds.stop(now)
        contact.muted = contact.parked = False
        if contact.talk.customer_left and reason == "AGENT_DISCONNECT":
            reason = "CUSTOMER_DISCONNECT"  # he was the first
        contact.disconnected, contact.reason = now, reason
        if contact.dequeued is None and contact.enqueued is not None:
            contact.dequeued = now
        decisions: list[Decision] = []
        for segment in contact.recordings.running():
            segment.step(RecordingInput.STOP)
            decisions.append(SealRecording(contact.id, segment.id))
        if contact.outside:
            if contact.attempt is not None and contact.attempt.outcome is None:
                contact.attempt.outcome = "cancelled"
            decisions.append(DropThirdParty(contact.id, contact.outside, contact.talk.room))
        return decisions + self._end_assignment(contact, now)

    def _saved(self, contacts: list[Contact], now: float) -> list[Decision]:
        for one in contacts:
            if one.connected is None:
                self.contacts.pop(one.id, None)
        return [SaveContact(one.record(now)) for one in contacts]

    def _end_assignment(self, contact: Contact, now: float) -> list[Decision]:
        assignment = contact.assignment
        if assignment is None:
            return []
        media = assignment.state != "INCOMING"
        left = assignment.step(Input.END, now)
        decisions: list[Decision] = [DropAgent(contact.id, assignment.leg, contact.talk.room)] if media else []
        if left is None:  # the customer gave up while the agent was asked
            contact.assignment = None
            return decisions + self.release(self.agents[assignment.user.id], now)
        return [*decisions, TellContact(assignment.user.id, contact.id), TellAgent(assignment.user.id)]

    def _waiting(self) -> list[Waiting]:
        return [
            Waiting(contact.id, contact.queue.id, contact.enqueued)
            for contact in self.contacts.values()
            if contact.waiting and contact.queue is not None and contact.enqueued is not None
        ]

    def _ready(self) -> list[Ready]:
        return [
            Ready(user, agent.since, self.profiles[agent.user.routing_profile])
            for user, agent in self.agents.items()
            if agent.routable
        ]
