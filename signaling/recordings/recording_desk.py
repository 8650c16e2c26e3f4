"""Who asks for something to be done to a recording: an agent on his page, or a client of the API. Every request is a
line of the audit trail, also one that is refused."""

from collections.abc import Callable
from typing import Any

from signaling.center import events, recording
from signaling.center.agent_states import Input as ContactInput
from signaling.center.agent_states import WrongState
from signaling.center.audit import AuditEvent, Outcome
from signaling.center.center import Center
from signaling.center.floor import NotYours
from signaling.center.handling import TALKING
from signaling.center.resources import Tenant
from signaling.center.security import Action
from signaling.center.segments import Input, RecordingType
from signaling.house import House
from signaling.softphone import protocol
from signaling.softphone.errors import Code, RpcError

SOFTPHONE = "softphone"
"""Where an agent's requests come from, in the audit trail: his page may change its address during a call."""

_Made = Callable[[str, Any], events.Event]
_REQUESTS: dict[type, tuple[str, Action, _Made]] = {
    protocol.SuspendRecording: (
        "SuspendContactRecording",
        recording.PAUSE,
        lambda user, asked: events.ControlRecording(asked.contact_id, "AGENT", Input.SUSPEND, user),
    ),
    protocol.ResumeRecording: (
        "ResumeContactRecording",
        recording.PAUSE,
        lambda user, asked: events.ControlRecording(asked.contact_id, "AGENT", Input.RESUME, user),
    ),
    protocol.StopRecording: (
        "StopContactRecording",
        recording.STOP,
        lambda user, asked: events.ControlRecording(asked.contact_id, "AGENT", Input.STOP, user),
    ),
    protocol.SecurePause: (
        "SecurePause",
        recording.PAUSE,
        lambda user, asked: (
            events.BeginSecurePause(asked.contact_id, user, asked.digits, asked.pound, asked.seconds)
            if asked.on
            else events.EndSecurePause(asked.contact_id, user)
        ),
    ),
}


class RecordingDesk:
    """`keep(tenant, event)` puts a line into the tenant's audit trail, now or as soon as the store takes it."""

    def __init__(self, house: House, keep: Callable[[Tenant, AuditEvent], None], clock: Callable[[], float]) -> None:
        self._house = house
        self._keep = keep
        self._clock = clock

    def handles(self, request: protocol.Request) -> bool:
        return type(request) in _REQUESTS

    def of_agent(self, center: Center, user: str, request: Any) -> None:
        """Carries out what an agent asks of his own contact. Raises RpcError, NotYours, WrongState, NotNow,
        ValueError."""
        operation, permission, made = _REQUESTS[type(request)]
        outcome: Outcome = "refused"
        try:
            assignment = center.floor.assignment(user, request.contact_id)
            if permission not in center.floor.permissions(user):
                raise RpcError(Code.FORBIDDEN, f"You need the permission {permission}.")
            if assignment.state not in TALKING:
                raise WrongState(assignment.state, ContactInput.HOLD)
            self._house.tell(center, made(user, request))
            outcome = "allowed"
        finally:
            resource = f"recording/{request.contact_id}"
            self._keep(center.floor.tenant, AuditEvent(self._clock(), user, SOFTPHONE, operation, resource, outcome))

    def of_api(self, instance: str, event: events.Event) -> None:
        """Carries out what a client of the API may ask, which the API has audited. Raises NotYours, NotNow,
        ValueError."""
        center = self._house.of_instance(instance)
        if center is None:
            raise NotYours
        self._house.tell(center, event)

    def states(self, instance: str, contact: str) -> dict[RecordingType, str]:
        """How the recordings of a contact that goes on are now; nothing of one that is over."""
        center = self._house.of_instance(instance)
        live = center.floor.live(contact) if center is not None else None
        if center is None or live is None:
            return {}
        types: tuple[RecordingType, ...] = ("AGENT", "IVR")
        return {type: center.recording_state(live, type) for type in types}
