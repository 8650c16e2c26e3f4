"""The instance that a measurement runs on: so many agents, one number, one queue, a flow that records both sides."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NUMBER = "+15550123"
ALIAS = "bench"


@dataclass(frozen=True)
class Instance:
    document: dict[str, Any]
    """As `telephonist apply` takes it."""
    sign_ins: tuple[dict[str, str], ...]
    """Of each agent: instance, username, password."""


def make_instance(agents: int, sources: Sequence[str] = ("127.0.0.0/8",)) -> Instance:
    """`sources`: of its one trunk."""
    queue, routing, profile, flow = (str(uuid.uuid4()) for _ in range(4))
    users = [
        {
            "id": str(uuid.uuid4()),
            "username": f"agent{number}",
            "name": f"Agent {number}",
            "security_profiles": [profile],
            "routing_profile": routing,
            "password": secrets.token_urlsafe(12),
        }
        for number in range(agents)
    ]
    document = {
        "tenant": {"account": "000000000001", "instance": str(uuid.uuid4()), "alias": ALIAS},
        "users": users,
        "security_profiles": [{"id": profile, "name": "Agent", "permissions": ["BasicAgentAccess"]}],
        "routing_profiles": [{"id": routing, "name": "Everything", "rows": [{"queue": queue}]}],
        "queues": [{"id": queue, "name": "Bench"}],
        "flows": [{"id": flow, "name": "Record, queue", "content": _flow(queue)}],
        "numbers": [{"number": NUMBER, "flow": flow}],
        "trunks": [{"name": "callers", "sources": list(sources)}],
    }
    sign_ins = [{"instance": ALIAS, "username": u["username"], "password": u["password"]} for u in users]
    return Instance(document, tuple({key: str(value) for key, value in one.items()} for one in sign_ins))


def _flow(queue: str) -> dict[str, Any]:
    both = {"RecordingBehavior": {"RecordedParticipants": ["Agent", "Customer"]}}
    actions = [
        ("record", "UpdateContactRecordingBehavior", both, "queue"),
        ("queue", "UpdateContactTargetQueue", {"QueueId": queue}, "transfer"),
        ("transfer", "TransferContactToQueue", {}, "end"),
    ]
    ways = [
        {"Identifier": name, "Type": kind, "Parameters": parameters, "Transitions": _to(following, kind)}
        for name, kind, parameters, following in actions
    ]
    end = {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}
    return {"Version": "2019-10-30", "StartAction": "record", "Actions": [*ways, end]}


def _to(following: str, kind: str) -> dict[str, Any]:
    errors = ["NoMatchingError", *(["QueueAtCapacity"] if kind == "TransferContactToQueue" else [])]
    branches = [{"ErrorType": error, "NextAction": "end"} for error in errors]
    return {"NextAction": following, "Errors": branches, "Conditions": []}
