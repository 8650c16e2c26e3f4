"""A live contact: everything that changes while it goes on, and the contact record that can be made of it at any
time."""

from dataclasses import dataclass, field

from relay.api import Alarm
from signaling.center.agent_states import ContactState, Input, after
from signaling.center.call import Call, Phase, Progress, Recorded
from signaling.center.decisions import PlaceCall
from signaling.center.flow_run import FlowRun, Instruction
from signaling.center.record import AgentInfo, ContactRecord, DisconnectReason, InitiationMethod, QueueInfo
from signaling.center.resources import Endpoint, Queue, Tenant, User
from signaling.center.segments import Recordings
from signaling.sip.outcome import Outcome
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
    ringback: bool = False
    queue: Queue | None = None
    enqueued: float | None = None
    dequeued: float | None = None
    attempts: int = 0
    music: bool = False
    assignment: "Assignment | None" = None
    """The agent who is offered it, talks, or does its after-contact work."""
    connected: float | None = None
    muted: bool = False
    alarms: dict[str, tuple[str, Alarm]] = field(default_factory=dict)
    """By side, agent or customer: the leg, and what is wrong with its sound."""
    holds: HoldClock = field(default_factory=HoldClock)
    recordings: Recordings = field(default_factory=Recordings)
    disconnected: float | None = None
    reason: DisconnectReason | None = None
    cleared: float | None = None
    diverted_from: Pii[str] = Pii("")  # noqa: RUF009  # a value

    @property
    def waiting(self) -> bool:
        """In a queue, and nobody is being asked."""
        return self.phase == "queue" and self.assignment is None and self.disconnected is None

    @property
    def held(self) -> bool:
        return self.holds.since is not None

    def attributes(self) -> dict[str, Pii[str]]:
        """What the flow has set."""
        return {name: Pii(value) for name, value in self.run.attributes.items()}

    def wanted(self) -> frozenset[str]:
        """The sides that are to be recorded with an agent: of "Agent" and "Customer"."""
        asked = self.recordings.asked
        return self.run.recorded if asked is None else asked

    def call(self) -> Call:
        agent = self.assignment.leg if self.assignment is not None else ""
        progress: Progress = self.attempt.progress if self.attempt is not None else "dialling"
        return Call(self.phase, self.leg, agent, self.muted, self.held, self._recorded(), progress)

    def _recorded(self) -> Recorded | None:
        segment = self.recordings.agent if self.phase == "connected" else self.recordings.ivr
        if segment is None or segment.state == "stopped":
            return None
        silent = segment.state == "suspended" or self.recordings.secure is not None
        wanted = frozenset[str]() if silent else segment.wanted
        return Recorded(segment.id, "Agent" in wanted, "Customer" in wanted)

    def record(self, now: float) -> ContactRecord:
        """The contact record as it stands at `now`."""
        had_agent = self.connected is not None
        return ContactRecord(
            contact=self.id,
            account=self.tenant.account,
            instance=self.tenant.instance,
            initiation_method=self.method,
            initiated=self.initiated,
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
