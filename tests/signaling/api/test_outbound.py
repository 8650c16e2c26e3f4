"""Somebody is called as Amazon Connect's clients have it; requests and answers are judged by botocore's model."""

from typing import Any

import pytest

from signaling.center.decisions import PlaceCall
from tests.signaling.api.house import Browser, House
from tests.signaling.center.floor_plan import NUMBER
from tests.signaling.store.samples import ACME, RIVAL
from tests.support.connect_model import answer_of, request_of

OPERATION = "StartOutboundVoiceContact"
CALLED = "+4930123456"
ASKED: dict[str, Any] = {
    "InstanceId": ACME.instance, "ContactFlowId": "flow-1", "DestinationPhoneNumber": CALLED, "ClientToken": "once",
}  # fmt: skip


async def ask(browser: Browser, **changes: Any) -> dict[str, Any]:
    method, path, body = request_of(OPERATION, ASKED | changes)
    response = await browser.send(method, path, body)
    return answer_of(OPERATION, response.status, dict(response.headers), await response.read())


async def refusal(browser: Browser, **changes: Any) -> str:
    return str((await ask(browser, **changes))["Error"]["Code"])


def calls(house: House) -> list[PlaceCall]:
    return [item for item in house.floor.decisions if isinstance(item, PlaceCall)]


@pytest.fixture
async def max_(house: House) -> Browser:
    """Who may have others called."""
    return await house.browser("max")


async def test_somebody_is_called_as_it_is_asked(house: House, max_: Browser) -> None:
    flow = f"arn:aws:connect:eu-central-1:1:instance/{ACME.instance}/contact-flow/flow-1"
    answer = await ask(
        max_, ContactFlowId=flow, QueueId="queue-1", SourcePhoneNumber=NUMBER, Attributes={"order": "4711"},
        RingTimeoutInSeconds=20, TrafficType="GENERAL",
    )  # fmt: skip
    [call] = calls(house)
    assert (call.contact, call.ring_seconds) == (answer["ContactId"], 20)
    assert (call.routes[0].called.reveal(), call.routes[0].caller) == (CALLED, NUMBER)
    contact = house.floor.center.floor.contacts[call.contact]
    assert (contact.method, contact.attributes()["order"].reveal()) == ("API", "4711")
    rows = [row.event for row in await house.store.audit_events(ACME) if row.event.action == OPERATION]
    assert [(row.resource, row.outcome) for row in rows] == [(f"contact/{call.contact}", "allowed")]
    assert CALLED not in repr(rows)


async def test_a_request_that_is_sent_again_calls_nobody_twice(house: House, max_: Browser) -> None:
    first, second = await ask(max_), await ask(max_)
    assert (first["ContactId"], len(calls(house))) == (second["ContactId"], 1)
    assert (await ask(max_, ClientToken="another"))["ContactId"] != first["ContactId"]
    assert len(calls(house)) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DestinationPhoneNumber": "+331234"}, "DestinationNotAllowedException"),
        ({"ContactFlowId": "none"}, "InvalidParameterException"),
        ({"QueueId": "none"}, "InvalidParameterException"),
        ({"SourcePhoneNumber": "+1999"}, "InvalidParameterException"),
        ({"DestinationPhoneNumber": "49"}, "InvalidParameterException"),
        ({"TrafficType": "CAMPAIGN"}, "InvalidParameterException"),
        ({"CampaignId": "c"}, "InvalidParameterException"),
        ({"InstanceId": RIVAL.instance}, "ResourceNotFoundException"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_may_be_asked_again(
    house: House, max_: Browser, changes: dict[str, Any], code: str
) -> None:
    assert await refusal(max_, **changes) == code
    assert calls(house) == []
    await ask(max_)
    assert len(calls(house)) == 1


async def test_who_may_not_is_refused(house: House) -> None:
    assert await refusal(await house.browser("quinn")) == "AccessDeniedException"
    method, path, body = request_of(OPERATION, ASKED)
    assert (await house.client.request(method, path, json=body)).status == 401
    assert calls(house) == []
