"""A small contact centre for the tests: two agents, one queue, one number, and a hand that keeps the time."""

import itertools
from typing import Any, TypeVar

import msgspec

from signaling.center import events
from signaling.center.center import Center
from signaling.center.decisions import Decision, SaveContact
from signaling.center.record import ContactRecord
from signaling.center.resources import (
    Directory,
    Flow,
    PhoneNumber,
    Queue,
    QuickConnect,
    RoutingProfile,
    RoutingRow,
    SecurityProfile,
    Tenant,
    User,
)  # fmt: skip
from vault.pii import Pii

NUMBER = "+15550100"
TENANT = Tenant("000000000001", "instance-1", "acme")
Kind = TypeVar("Kind")


def action(identifier: str, kind: str, following: str = "", errors: str = "", **parameters: Any) -> dict[str, Any]:
    transitions: dict[str, Any] = {"NextAction": following} if following else {}
    if errors:
        transitions["Errors"] = [{"ErrorType": "NoMatchingError", "NextAction": errors}]
    return {"Identifier": identifier, "Type": kind, "Parameters": parameters, "Transitions": transitions}


def document(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2019-10-30", "StartAction": actions[0]["Identifier"], "Actions": list(actions)}


def support_flow(recorded: tuple[str, ...] = ("Agent", "Customer")) -> dict[str, Any]:
    return document(
        action("hello", "MessageParticipant", "record", "end", Text="Welcome."),
        action(
            "record", "UpdateContactRecordingBehavior", "queue",
            RecordingBehavior={"RecordedParticipants": list(recorded)},
        ),
        action("queue", "UpdateContactTargetQueue", "transfer", "end", QueueId="queue-1"),
        action("transfer", "TransferContactToQueue", "", "end"),
        action("end", "DisconnectParticipant"),
    )  # fmt: skip


def directory(flow: dict[str, Any] | None = None, delay: int = 0) -> Directory:
    return Directory(
        tenant=TENANT,
        users=(
            User("ann", "ann", "Ann", ("agent",), "profile-1"),
            User("bob", "bob", "Bob", (), "profile-1"),
            User("eve", "eve", "Eve", ()),
        ),
        security_profiles=(
            SecurityProfile("agent", "Agent", ("BasicAgentAccess", "CallRecordings.Pause", "CallRecordings.Stop")),
        ),
        routing_profiles=(RoutingProfile("profile-1", "Support", (RoutingRow("queue-1", 1, delay),)),),
        queues=(Queue("queue-1", "Support"),),
        flows=(Flow("flow-1", "Support", flow or support_flow()),),
        numbers=(PhoneNumber(NUMBER, "flow-1"),),
    )


def wide(flow: dict[str, Any] | None = None, delay: int = 0) -> Directory:
    """The same with a second queue, an agent for it, and quick connects."""
    plan = directory(flow, delay)
    return msgspec.structs.replace(
        plan,
        users=(*plan.users, User("cid", "cid", "Cid", ("agent",), "profile-2")),
        routing_profiles=(*plan.routing_profiles, RoutingProfile("profile-2", "Sales", (RoutingRow("queue-2"),))),
        queues=(*plan.queues, Queue("queue-2", "Sales")),
        quick_connects=(
            QuickConnect("to-ann", "Ann", "USER", "ann"),
            QuickConnect("to-bob", "Bob", "USER", "bob"),
            QuickConnect("to-sales", "Sales", "QUEUE", "queue-2"),
            QuickConnect("to-eve", "Eve", "USER", "eve"),
        ),
    )


class Shift:
    """A Center with a clock and a memory of all that it decided."""

    def __init__(self, flow: dict[str, Any] | None = None, delay: int = 0) -> None:
        ids = itertools.count(1)
        self.center = Center(wide(flow, delay), lambda: f"{next(ids):032x}")
        self.now = 1000.0
        self.decisions: list[Decision] = []

    def tell(self, event: events.Event) -> list[Decision]:
        made = self.center.handle(event, self.now)
        self.decisions += made
        return made

    def pass_time(self, seconds: float) -> list[Decision]:
        """Lets time pass, waking the center whenever it wants to be woken."""
        end, made = self.now + seconds, []
        while (due := self.center.get_timer(self.now)) is not None and due <= end:
            self.now = max(self.now, due)
            made += self.center.handle_timer(self.now)
        self.now = end
        self.decisions += made
        return made

    def sign_in(self, *users: str) -> None:
        for user in users:
            self.tell(events.AgentPresent(user))
            self.tell(events.SetStatus(user, "Available"))
            self.now += 1

    def call(self, contact: str) -> None:
        """A customer calls and hears the greeting to its end."""
        arrived = events.CallArrived(contact, f"{contact}/customer", NUMBER, Pii("+15550199"), self.now)
        self.tell(arrived)
        self.tell(events.PlayerFinished(contact, "prompt"))

    def connect(self, contact: str, user: str) -> None:
        self.tell(events.Accept(user, contact))
        self.tell(events.AgentMediaUp(contact))

    def state(self, user: str) -> str | None:
        assignment = self.center.floor.agent(user).assignment
        return assignment.state if assignment is not None else None

    def last(self, kind: type[Kind]) -> Kind:
        return next(item for item in reversed(self.decisions) if isinstance(item, kind))

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [item for item in self.decisions if isinstance(item, kind)]

    def record(self, contact: str) -> ContactRecord:
        return next(item.record for item in reversed(self.all(SaveContact)) if item.record.contact == contact)
