"""A live contact: everything that changes while it goes on, and the contact record that can be made of it at any
time."""

from dataclasses import dataclass, field

from relay.api import Alarm
from signaling.center.agent_states import ContactState, Input, after
from signaling.center.call import Call, Phase, Progress, Recorded, Speaker, ThirdParty
from signaling.center.decisions import PlaceCall
from signaling.center.flow_run import FlowRun, Instruction
from signaling.center.record import AgentInfo, ContactRecord, DisconnectReason, InitiationMethod, QueueInfo
from signaling.center.resources import Endpoint, Queue, Tenant, User
from signaling.center.segments import Recordings, SecurePause, Segment
from signaling.sip.calls.outcome import Outcome
from vault.pii import Pii


@dataclass
class HoldClock:
    """How often and how long the customer was on hold."""

    since: float | None = None
    total: float = 0.0
    longest: float = 0.0
    count: int = 0

    def start(self, now: float) -> None:
        self.since = now
        self.count += 1

    def stop(self, now: float) -> None:
        if self.since is None:
            return
        length = now - self.since
        self.total += length
        self.longest = max(self.longest, length)
        self.since = None


@dataclass
class Attempt:
    """How a call of ours goes."""

    call: PlaceCall
    instruction: Instruction
    """What its flow wants once it is answered."""
    placed: bool = False
    progress: Progress = "dialling"
    outcome: Outcome | None = None
    status: int | None = None
    reason: str | None = None


@dataclass
class Contact:
    """Owned by the Center, from the customer's arrival until after-contact work is cleared."""

    id: str
    tenant: Tenant
    leg: str
    number: str
    caller: Pii[str]
    initiated: float
    answered: float | None
    """None: the called side has not answered."""
    run: FlowRun
    phase: Phase = "flow"
    method: InitiationMethod = "INBOUND"
    attempt: Attempt | None = None
    """A call that we placed."""
    queue: Queue | None = None
    enqueued: float | None = None
    dequeued: float | None = None
    attempts: int = 0
    assignment: "Assignment | None" = None
    """The agent who is offered it, talks, or does its after-contact work."""
    connected: float | None = None
    muted: bool = False
    parked: bool = False
    """The agent was put on hold by another one."""
    alarms: dict[str, tuple[str, Alarm]] = field(default_factory=dict)
    """By side, agent or customer: the leg, and what is wrong with its sound."""
    holds: HoldClock = field(default_factory=HoldClock)
    recordings: Recordings = field(default_factory=Recordings)
    disconnected: float | None = None
    reason: DisconnectReason | None = None
    cleared: float | None = None
    diverted_from: Pii[str] = Pii("")  # noqa: RUF009  # a value
    target: str = ""
    """The user whom it was transferred to; empty: it is for whoever serves its queue."""
    initial: str | None = None
    """The first contact of the call; None: this is it."""
    previous: str | None = None
    next: str | None = None
    """What it was transferred from and to."""
    outside: str = ""
    """The leg of a third party whose number was called into the call; empty: the contact is for an agent."""
    label: str = ""
    """What whom it was transferred to is called in the list that agents choose from."""
    unreached: Outcome | None = None
    """Why the third party that was called last did not come."""
    number_in_call: int = 0
    """Among all contacts that the call has had."""

    def __post_init__(self) -> None:
        self._talk = Talk(self.id, [self])

    @property
    def talk(self) -> "Talk":
        """The call that it is part of; one of its own until it enters another's."""
        return self._talk

    def enter(self, talk: "Talk") -> None:
        self.number_in_call, talk.count = talk.count, talk.count + 1
        self.belong_to(talk)

    def belong_to(self, talk: "Talk") -> None:
        """As it did before."""
        self._talk = talk
        talk.contacts.append(self)

    @property
    def joined(self) -> bool:
        """Who it is for has been in the call."""
        return self.connected is not None or bool(self.outside and self.answered is not None)

    @property
    def waiting(self) -> bool:
        """In a queue, and nobody is being asked."""
        return self.phase == "queue" and self.assignment is None and self.disconnected is None and not self.target

    @property
    def waiting_for_agent(self) -> bool:
        """One agent shall have it, and he is not being asked yet."""
        return self.phase == "queue" and self.assignment is None and self.disconnected is None and bool(self.target)

    @property
    def held(self) -> bool:
        """The customer is on hold."""
        return self.talk.held

    def lines(self) -> list[str]:
        """The legs of the telephone network that the agent speaks to now."""
        parties = [one.outside for one in self.talk.speaking() if one.outside and not one.parked]
        return parties if self.held or self.talk.customer_left else [self.leg, *parties]

    def attributes(self) -> dict[str, Pii[str]]:
        """What the flow has set."""
        return {name: Pii(value) for name, value in self.run.attributes.items()}

    def wanted(self) -> frozenset[str]:
        """The sides that are to be recorded with an agent: of "Agent" and "Customer"."""
        asked = self.recordings.asked
        return self.run.recorded if asked is None else asked

    def call(self) -> Call:
        """The call that the contact is part of, with all who are in it."""
        live = self.talk.live()
        talking = [one for one in live if one.phase == "connected" and one.assignment is not None]
        called = tuple(_third_party(one) for one in live if one.outside)
        if talking or not live or any(one.progress is None for one in called):
            customer = "" if self.talk.customer_left else self.leg
            return Call("connected", customer, tuple(map(_speaker, talking)), self.held, third_parties=called)
        one = live[0]
        if called:
            return Call("queue", self.leg)
        progress: Progress = one.attempt.progress if one.attempt is not None else "dialling"
        agents = (_speaker(one),) if one.phase == "dialling" and one.assignment is not None else ()
        ivr = _recorded(one.recordings.ivr, self.talk)
        return Call(one.phase, self.leg, agents, self.held, ivr, progress)

    def record(self, now: float) -> ContactRecord:
        """The contact record as it stands at `now`."""
        had_agent = self.connected is not None
        return ContactRecord(
            contact=self.id,
            account=self.tenant.account,
            instance=self.tenant.instance,
            initiation_method=self.method,
            initiated=self.initiated,
            initial_contact=self.initial,
            previous_contact=self.previous,
            next_contact=self.next,
            customer=self.caller,
            system=self.number,
            diverted_from=self.diverted_from,
            updated=now,
            attributes=self.attributes(),
            queue=self._queue_info(),
            agent=self._agent_info() if had_agent else None,
            agent_connection_attempts=self.attempts,
            connected_to_system=self.answered,
            disconnected=self.disconnected,
            disconnect_reason=self.reason,
            completed=self.cleared if had_agent else self.disconnected,
            recording_acts=tuple(self.recordings.acts),
            outcome=self.attempt.outcome if self.attempt is not None else None,
            sip_status=self.attempt.status if self.attempt is not None else None,
            sip_reason=self.attempt.reason if self.attempt is not None else None,
        )

    def _queue_info(self) -> QueueInfo | None:
        if self.queue is None or self.enqueued is None:
            return None
        duration = int((self.dequeued or self.enqueued) - self.enqueued)
        return QueueInfo(self.queue.id, self.queue.name, self.enqueued, self.dequeued, duration)

    def _agent_info(self) -> AgentInfo | None:
        if self.assignment is None or self.connected is None:
            return None
        agent = self.assignment.user
        talked = (self.disconnected or self.connected) - self.connected - self.holds.total
        return AgentInfo(
            id=agent.id,
            username=agent.username,
            connected=self.connected,
            interaction_duration=max(0, int(talked)),
            hold_duration=int(self.holds.total),
            longest_hold=int(self.holds.longest),
            holds=self.holds.count,
            after_contact_work_start=self.disconnected,
            after_contact_work_end=self.cleared,
        )


@dataclass
class Talk:
    """A call, from the customer's side: the contacts that it is made of, one for each agent, and what they share."""

    room: str
    """The first contact's id; the room of all legs."""
    contacts: list[Contact] = field(default_factory=list)
    """Those that are over, too."""
    held: bool = False
    """The customer is on hold."""
    customer_left: bool = False
    """Agents, or an agent and a third party, talk on without him."""
    secure: SecurePause | None = None
    music: bool = False
    ringback: bool = False
    count: int = 1
    """How many contacts it has had."""

    def live(self) -> list[Contact]:
        return [one for one in self.contacts if one.disconnected is None]

    def lives_on(self, without: Contact | None = None, customer: bool = True) -> bool:
        """Whether anybody is left to talk to when this one leaves: with a customer there, whoever else is in the call,
        or is still to come; without him an agent and another one."""
        others = [one for one in self.live() if one is not without]
        if customer and not self.customer_left:
            return bool(others)
        speaking = [one for one in others if one.phase == "connected"]
        return len(speaking) > 1 and any(one.assignment is not None for one in speaking)

    def speaking(self) -> list[Contact]:
        """Those whose agents talk, or could if they were not on hold."""
        return [one for one in self.live() if one.phase == "connected"]


def _speaker(contact: Contact) -> Speaker:
    if contact.assignment is None:
        raise AssertionError("only a contact with an agent gets here")
    recorded = _recorded(contact.recordings.agent, contact.talk)
    return Speaker(contact.assignment.leg, contact.number_in_call, contact.muted, contact.parked, recorded)


def _third_party(contact: Contact) -> ThirdParty:
    attempt = contact.attempt
    progress = attempt.progress if attempt is not None and contact.phase == "dialling" else None
    return ThirdParty(contact.outside, contact.number_in_call, contact.parked, progress)


def _recorded(segment: Segment | None, talk: Talk) -> Recorded | None:
    if segment is None or segment.state == "stopped":
        return None
    silent = segment.state == "suspended" or talk.secure is not None
    wanted = frozenset[str]() if silent else segment.wanted
    return Recorded(segment.id, "Agent" in wanted, "Customer" in wanted)


@dataclass
class Assignment:
    """What one agent has to do with one contact, from the offer until he clears it. It outlives the contact's way to
    other agents."""

    user: User
    contact: Contact
    leg: str
    since: float
    expires: float | None
    """When the offer, or the connecting, is given up."""
    state: ContactState = "INCOMING"
    endpoint: Endpoint = "browser"
    """Where the agent takes it."""
    reason: str = ""
    """Why it ended in a way that nobody wanted, for the agent to read."""

    def step(self, input: Input, now: float) -> ContactState | None:
        """The new state, or GONE. Raises WrongState."""
        state = after(self.state, input)
        if state is not None:
            self.state, self.since, self.expires = state, now, None
        return state
