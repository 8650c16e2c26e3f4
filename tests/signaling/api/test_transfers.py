"""Contacts are transferred as Amazon Connect's clients do it; requests and answers are judged by botocore's model."""

from typing import Any

from signaling.center import events
from tests.signaling.api.house import Browser, House
from tests.signaling.store.samples import ACME, RIVAL
from tests.support.connect_model import answer_of, request_of

C1 = {"InstanceId": ACME.instance, "ContactId": "c-1", "ContactFlowId": "none"}


async def ask(browser: Browser, **changes: Any) -> dict[str, Any]:
    method, path, body = request_of("TransferContact", C1 | changes)
    response = await browser.send(method, path, body)
    return answer_of("TransferContact", response.status, dict(response.headers), await response.read())


async def test_a_contact_is_passed_on(house: House) -> None:
    sam = await house.browser("sam")
    house.floor.call("c-1")
    for user in ("bob",):
        house.floor.house.tell(house.floor.center, events.AgentPresent(user))
        house.floor.house.tell(house.floor.center, events.SetStatus(user, "Available"))
    told = await ask(sam, UserId="bob")
    made = house.floor.center.floor.contacts[told["ContactId"]]
    assert told["ContactArn"].endswith(f"instance/{ACME.instance}/contact/{made.id}")
    assert made.assignment is not None
    assert (made.previous, made.assignment.user.id) == ("c-1", "bob")
    rows = [row.event for row in await house.store.audit_events(ACME) if row.event.action == "TransferContact"]
    assert [(row.resource, row.outcome) for row in rows] == [("contact/c-1", "allowed")]


async def test_what_cannot_be_is_said(house: House) -> None:
    sam = await house.browser("sam")
    house.floor.call("c-1")
    house.floor.call("c-2", connected=False)
    for code, changes in (
        ("InvalidRequestException", {"ContactId": "c-2", "UserId": "bob"}),
        ("ResourceNotFoundException", {"ContactId": "c-3", "UserId": "bob"}),
        ("ResourceNotFoundException", {"InstanceId": RIVAL.instance, "UserId": "bob"}),
        ("InvalidRequestException", {"UserId": "bob"}),  # he is not there
        ("InvalidRequestException", {"QueueId": "none"}),
        ("InvalidRequestException", {}),
    ):
        assert (await ask(sam, **changes))["Error"]["Code"] == code
    quinn = await house.browser("quinn")
    assert (await ask(quinn, UserId="bob"))["Error"]["Code"] == "AccessDeniedException"
    assert house.floor.center.floor.contacts["c-1"].disconnected is None
