"""The instance that a first start makes, so that a call can be placed and found at once. Its ids are fixed."""

from typing import Any

from signaling.center.resources import (
    Directory,
    Flow,
    PhoneNumber,
    Queue,
    RoutingProfile,
    RoutingRow,
    SecurityProfile,
    Tenant,
    Trunk,
    User,
)
from signaling.center.security import DEFAULT_PROFILES

ACCOUNT = "000000000000"
INSTANCE = "5f1c1c7e-6f0a-4a55-9c1e-0d5a3b1f7a01"
ALIAS = "demo"
NUMBER = "+15550100"
AGENT, SUPERVISOR = "agent", "supervisor"

_QUEUE = "5f1c1c7e-6f0a-4a55-9c1e-0d5a3b1f7b01"
_ROUTING = "5f1c1c7e-6f0a-4a55-9c1e-0d5a3b1f7c01"
_FLOW = "5f1c1c7e-6f0a-4a55-9c1e-0d5a3b1f7d01"
_USERS = {AGENT: "5f1c1c7e-6f0a-4a55-9c1e-0d5a3b1f7e01", SUPERVISOR: "5f1c1c7e-6f0a-4a55-9c1e-0d5a3b1f7e02"}
_PROFILES = {name: f"5f1c1c7e-6f0a-4a55-9c1e-0d5a3b1f7f{n:02d}" for n, name in enumerate(DEFAULT_PROFILES, 1)}

GREETING = "Welcome. This call is recorded. Please hold, an agent will be with you shortly."


def demo_directory() -> Directory:
    """One agent, one supervisor who may do everything, one number, one queue, one flow that records both parties,
    callers on this machine."""
    profiles = (SecurityProfile(_PROFILES[name], name, tuple(names)) for name, names in DEFAULT_PROFILES.items())
    manager = (_PROFILES["CallCenterManager"], _PROFILES["Admin"])
    return Directory(
        tenant=Tenant(ACCOUNT, INSTANCE, ALIAS),
        users=(
            User(_USERS[AGENT], AGENT, "Ada Agent", (_PROFILES["Agent"],), _ROUTING),
            User(_USERS[SUPERVISOR], SUPERVISOR, "Sam Supervisor", manager),
        ),
        security_profiles=tuple(profiles),
        routing_profiles=(RoutingProfile(_ROUTING, "Basic routing profile", (RoutingRow(_QUEUE),)),),
        queues=(Queue(_QUEUE, "Support"),),
        flows=(Flow(_FLOW, "Greet, record, queue", _flow()),),
        numbers=(PhoneNumber(NUMBER, _FLOW),),
        trunks=(Trunk("local", ("127.0.0.0/8", "::1/128")),),
    )


def _flow() -> dict[str, Any]:
    record = {"RecordingBehavior": {"RecordedParticipants": ["Agent", "Customer"]}}
    return {
        "Version": "2019-10-30",
        "StartAction": "greet",
        "Actions": [
            _action("greet", "MessageParticipant", {"Text": GREETING}, "record", NoMatchingError="record"),
            _action("record", "UpdateContactRecordingBehavior", record, "queue", NoMatchingError="queue"),
            _action("queue", "UpdateContactTargetQueue", {"QueueId": _QUEUE}, "transfer", NoMatchingError="end"),
            _action("transfer", "TransferContactToQueue", {}, "end", QueueAtCapacity="end", NoMatchingError="end"),
            {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}},
        ],
    }


def _action(name: str, type: str, parameters: dict[str, Any], following: str, **errors: str) -> dict[str, Any]:
    transitions = {
        "NextAction": following,
        "Errors": [{"ErrorType": error, "NextAction": action} for error, action in errors.items()],
        "Conditions": [],
    }
    return {"Identifier": name, "Type": type, "Parameters": parameters, "Transitions": transitions}
