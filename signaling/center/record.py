"""The contact record: what is kept of a contact, in Amazon Connect's words. Times are Unix seconds, durations whole
seconds."""

from typing import Literal

import msgspec

from relay.api import Alarm, Flow
from signaling.center.segments import RecordingAct, RecordingType
from signaling.sip.calls.outcome import Outcome
from vault.pii import Pii

InitiationMethod = Literal[
    "INBOUND", "OUTBOUND", "TRANSFER", "CALLBACK", "API", "QUEUE_TRANSFER", "MONITOR", "DISCONNECT",
    "EXTERNAL_OUTBOUND",
]  # fmt: skip
DisconnectReason = Literal[
    "CUSTOMER_DISCONNECT", "AGENT_DISCONNECT", "THIRD_PARTY_DISCONNECT", "TELECOM_PROBLEM", "BARGED",
    "CONTACT_FLOW_DISCONNECT", "OTHER",
]  # fmt: skip


class QueueInfo(msgspec.Struct, frozen=True):
    id: str
    name: str
    enqueued: float
    dequeued: float | None = None
    duration: int = 0


class AgentInfo(msgspec.Struct, frozen=True):
    id: str
    username: str
    connected: float
    """ConnectedToAgentTimestamp."""
    interaction_duration: int = 0
    """AgentInteractionDuration: connected, without hold."""
    hold_duration: int = 0
    """CustomerHoldDuration."""
    longest_hold: int = 0
    holds: int = 0
    after_contact_work_start: float | None = None
    after_contact_work_end: float | None = None


class Tombstone(msgspec.Struct, frozen=True):
    """What remains of a recording that was deleted: who did it, when and why."""

    at: float
    by: str
    """A user's name as he signs in; `retention` for the rule that deletes what is old."""
    reason: str
    cause: Literal["user", "retention"] = "user"
    erased: float | None = None
    """When the store had deleted it. Until then it is tried again."""


class LegalHold(msgspec.Struct, frozen=True):
    """Nothing of the contact may be deleted, by nobody and no rule."""

    at: float
    by: str
    reason: str


class RecordingInfo(msgspec.Struct, frozen=True):
    id: str
    key: str
    state: str
    """recorder.api.State, or "interrupted" while the recorder is away."""
    duration_ms: int = 0
    size: int = 0
    sha256: str = ""
    gaps: int = 0
    times: dict[str, float] = {}
    reason: str = ""
    type: RecordingType = "AGENT"
    deleted: Tombstone | None = None


class QualityInfo(msgspec.Struct, frozen=True):
    """How one side of a contact sounded, by the leg that it had last."""

    side: Literal["agent", "customer"]
    codec: str
    received: Flow | None = None
    """From that side; None: not measured."""
    sent: Flow | None = None
    """To that side, by its reports."""
    alarms: tuple[Alarm, ...] = ()

    @property
    def score(self) -> float:
        """QualityScore: the mean opinion score of the worse direction, 1 to 5."""
        return min(flow.mos for flow in (self.received, self.sent) if flow is not None)


class ContactRecord(msgspec.Struct, frozen=True):
    contact: str
    account: str
    instance: str
    initiation_method: InitiationMethod
    initiated: float
    customer: Pii[str]
    """Customer endpoint: the ANI of an inbound call, the number that was called in one of ours. Sealed in the store."""
    system: str
    """System endpoint: the DNIS of an inbound call, the number that is shown in one of ours."""
    updated: float
    """LastUpdateTimestamp."""
    diverted_from: Pii[str] = Pii("")
    """The number that the customer had called before somebody sent the call on to `system`. Sealed in the store."""
    initial_contact: str | None = None
    previous_contact: str | None = None
    next_contact: str | None = None
    attributes: dict[str, Pii[str]] = {}
    """Set by the flow. Sealed in the store."""
    queue: QueueInfo | None = None
    agent: AgentInfo | None = None
    agent_connection_attempts: int = 0
    connected_to_system: float | None = None
    disconnected: float | None = None
    disconnect_reason: DisconnectReason | None = None
    completed: float | None = None
    """When after-contact work was cleared, or at the end of a contact that never had an agent."""
    outcome: Outcome | None = None
    """Of a call that we placed: answered, or why not."""
    sip_status: int | None = None
    """The final status of its INVITE, or the one that stands for what happened instead."""
    sip_reason: str | None = None
    """What the called side's network said of the end, as protocol and cause: `Q.850;cause=17`."""
    recording: RecordingInfo | None = None
    """Of the agent's part."""
    ivr_recording: RecordingInfo | None = None
    """Of the automated part before it."""
    recording_acts: tuple[RecordingAct, ...] = ()
    """What was done to them, in its order."""
    legal_hold: LegalHold | None = None
    quality: tuple[QualityInfo, ...] = ()
    """A side at most once."""
