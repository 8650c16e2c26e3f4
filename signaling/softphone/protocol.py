"""The messages of `telephonist.v1` as values: what a softphone asks, what it is answered and what it is told."""

from typing import Annotated, Literal

import msgspec

from relay.api import Alarm
from signaling.center.call import Progress
from signaling.center.resources import QuickConnectType
from signaling.sip.calls.outcome import Outcome
from vault.pii import Pii

SUBPROTOCOL = "telephonist.v1"
MAX_MESSAGE = 65536
"""Bytes of one message, either way."""

ContactId = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Sdp = Annotated[str, msgspec.Meta(min_length=1, max_length=32768)]
StatusName = Annotated[str, msgspec.Meta(min_length=1, max_length=127)]
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

State = Literal["INCOMING", "CONNECTING", "CONNECTED", "CONNECTED_ONHOLD", "MISSED", "ERROR", "ENDED", "REJECTED"]
Recording = Literal["off", "armed", "recording", "paused", "suspended", "secured", "interrupted", "stopped"]
Endpoint = Literal["browser", "phone"]
Control = Literal["suspend", "resume", "stop", "securePause", "secureResume"]
CloseReason = Literal["replaced", "signedOut", "draining"]


class Value(msgspec.Struct, frozen=True, rename="camel"):
    """A value on the wire: frozen, its members in camelCase."""


# What the server tells of the agent and of the contacts


class QuickConnect(Value, frozen=True):
    id: str
    name: str
    type: QuickConnectType


class Agent(Value, frozen=True):
    id: str
    username: str
    name: str
    status: str
    since: float
    """Unix seconds at which the status began."""
    routable: bool
    """Contacts may be offered now."""
    statuses: tuple[str, ...]
    """What may be chosen, in the order in which to show it."""
    next_status: str | None = None
    """Takes effect when the last contact is cleared."""
    endpoint: Endpoint = "browser"
    """Where contacts are taken."""
    endpoints: tuple[Endpoint, ...] = ("browser",)
    """Which can be chosen now: a phone only while it is registered."""
    may_dial: bool = False
    """He may place calls."""
    quick_connects: tuple[QuickConnect, ...] = ()
    """Where contacts may be transferred to, in the order in which to show it."""


class SecureState(Value, frozen=True):
    """A secure pause that goes on, and what ends it."""

    digits: int
    """How many of the caller's; 0: they are not counted."""
    entered: int
    pound: bool
    """The caller's `#` ends it."""
    until: float | None = None
    """Unix seconds."""


class Participant(Value, frozen=True):
    """Another one in the call than the agent who is told."""

    participant_id: str
    """`customer`, or the contact of another agent or a third party."""
    name: str
    """Of an agent, or of the queue in which one is looked for, or of a third party's quick connect; else empty."""
    state: Literal["ASKED", "CONNECTED"]
    on_hold: bool = False
    muted: bool = False
    number: Pii[str] | None = None
    """Of a third party."""
    progress: Progress | None = None
    """Of a third party that is being called."""


class Contact(Value, frozen=True):
    contact_id: str
    state: State
    customer: Pii[str]
    """The customer's number, or what stands for it; empty if it was withheld."""
    system: str
    """The number that was dialled."""
    queue: str
    """Its name."""
    since: float
    """Unix seconds at which the state began."""
    attributes: dict[str, Pii[str]] = {}
    expires_at: float | None = None
    """Unix seconds; until when an INCOMING contact can be accepted."""
    connected_at: float | None = None
    muted: bool = False
    on_hold: bool = False
    """The customer is."""
    parked: bool = False
    """The agent himself is, put there by another one."""
    participants: tuple[Participant, ...] = ()
    """The others in the call."""
    recording: Recording = "off"
    controls: tuple[Control, ...] = ()
    """What the agent may do to the recording now."""
    secure: SecureState | None = None
    reason: str | None = None
    """Why the contact ended or failed."""
    endpoint: Endpoint = "browser"
    """Where it is taken; on a phone there is no media for the browser."""
    outbound: bool = False
    """The agent has placed it."""
    progress: Progress | None = None
    """Of a call that is placed and not answered yet."""
    outcome: Outcome | None = None
    """What became of a call that was placed."""
    unreached: Outcome | None = None
    """Why the third party that was called last did not come."""
    customer_alarm: Alarm | None = None
    """What is wrong with the customer's sound now."""
    agent_alarm: Alarm | None = None
    """And with the agent's."""


class Snapshot(Value, frozen=True):
    """All that a softphone shows."""

    agent: Agent
    contacts: tuple[Contact, ...]


# Requests


class Resume(Value, frozen=True):
    session: Secret
    secret: Pii[str]
    seq: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """The last notification that the client knows; None if it has lost its state and wants the snapshot."""


class OpenSession(Value, frozen=True):
    """`session.open`: exactly one of the two."""

    token: Pii[str] | None = None
    resume: Resume | None = None


class SetStatus(Value, frozen=True):
    status: StatusName


class SetEndpoint(Value, frozen=True):
    """From the next offer on."""

    endpoint: Endpoint


class DialContact(Value, frozen=True):
    """Places a call; its sound is then connected with `media.renew`, and nobody is called before."""

    number: Pii[str]


class AcceptContact(Value, frozen=True):
    contact_id: ContactId
    sdp: Sdp | None = None
    """The browser's offer; not used when the contact is taken on a phone."""


class RejectContact(Value, frozen=True):
    contact_id: ContactId


class RenewMedia(Value, frozen=True):
    contact_id: ContactId
    sdp: Sdp


class MuteContact(Value, frozen=True):
    contact_id: ContactId
    on: bool


class HoldContact(Value, frozen=True):
    contact_id: ContactId
    on: bool
    participant_id: ContactId = "customer"
    """`all`: everybody but the agent himself; taking all back joins them."""


class TransferContact(Value, frozen=True):
    """Asks another agent, or somebody by his number, into the call; meanwhile the customer hears music. Exactly one of
    the two."""

    contact_id: ContactId
    quick_connect_id: ContactId | None = None
    number: Pii[str] | None = None


class DropParticipant(Value, frozen=True):
    """Takes another agent or a third party out of the call, or asks him no longer."""

    contact_id: ContactId
    participant_id: ContactId


class HangUpContact(Value, frozen=True):
    contact_id: ContactId


class SendDigits(Value, frozen=True):
    contact_id: ContactId
    digits: Pii[str]
    """0-9 * # A-D, 32 at most."""


class ClearContact(Value, frozen=True):
    contact_id: ContactId


class SuspendRecording(Value, frozen=True):
    contact_id: ContactId


class ResumeRecording(Value, frozen=True):
    contact_id: ContactId


class StopRecording(Value, frozen=True):
    contact_id: ContactId


class SecurePause(Value, frozen=True):
    """Begins a secure pause, or ends it."""

    contact_id: ContactId
    on: bool
    digits: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    pound: bool = False
    seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] | None = None


Request = (
    SetStatus | SetEndpoint | DialContact | AcceptContact | RejectContact | RenewMedia | MuteContact | HoldContact
    | TransferContact | DropParticipant | HangUpContact | ClearContact | SendDigits | SuspendRecording | ResumeRecording
    | StopRecording | SecurePause
)  # fmt: skip
"""What a signed-in softphone may ask. `session.open` comes before and is the server's own."""

METHODS: dict[str, type[OpenSession | Request]] = {
    "session.open": OpenSession,
    "agent.setStatus": SetStatus,
    "agent.setEndpoint": SetEndpoint,
    "contact.dial": DialContact,
    "contact.accept": AcceptContact,
    "contact.reject": RejectContact,
    "media.renew": RenewMedia,
    "contact.mute": MuteContact,
    "contact.hold": HoldContact,
    "contact.transfer": TransferContact,
    "contact.drop": DropParticipant,
    "contact.sendDigits": SendDigits,
    "contact.hangup": HangUpContact,
    "contact.clear": ClearContact,
    "recording.suspend": SuspendRecording,
    "recording.resume": ResumeRecording,
    "recording.stop": StopRecording,
    "recording.securePause": SecurePause,
}


# Results


class Done(Value, frozen=True):
    """`{}`."""


class Answer(Value, frozen=True):
    """To `contact.accept` in the browser and to `media.renew`."""

    sdp: str


class Dialled(Value, frozen=True):
    """To `contact.dial`."""

    contact_id: str


class SessionOpened(Value, frozen=True):
    session: str
    secret: Pii[str]
    seq: int
    """The number of the last notification before those that follow."""
    resumed: bool
    """True: what follows continues at the client's `seq` and there is no snapshot."""
    now: float
    """Unix seconds of the server, for a client whose clock is not right."""
    snapshot: Snapshot | None = None


Result = Done | Answer | Dialled | SessionOpened


# Notifications


class AgentChanged(Value, frozen=True):
    agent: Agent


class ContactChanged(Value, frozen=True):
    contact: Contact


class ContactRemoved(Value, frozen=True):
    contact_id: str


class SessionClosed(Value, frozen=True):
    reason: CloseReason


Notification = AgentChanged | ContactChanged | ContactRemoved | SessionClosed

NOTIFICATIONS: dict[type[Notification], str] = {
    AgentChanged: "agent.changed",
    ContactChanged: "contact.changed",
    ContactRemoved: "contact.removed",
    SessionClosed: "session.closed",
}
