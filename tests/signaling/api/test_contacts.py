from typing import Any

import pytest

from relay.api import Flow
from signaling.center.record import ContactRecord, QualityInfo, QueueInfo
from signaling.store.search import WINDOW
from tests.signaling.api.house import House, error_of
from tests.signaling.store.samples import ACME, NOON, NUMBER, RIVAL, a_record, a_recording
from vault.pii import Pii


def a_search(**changes: Any) -> dict[str, Any]:
    span = {"Type": "INITIATION_TIMESTAMP", "StartTime": NOON - 3600, "EndTime": NOON + 3600}
    return {"InstanceId": ACME.instance, "TimeRange": span, "MaxResults": 10} | changes


async def searched(house: House, **changes: Any) -> dict[str, Any]:
    response = await (await house.browser("sam")).post("/search-contacts", a_search(**changes))
    assert response.status == 200, await response.text()
    found: dict[str, Any] = await response.json()
    return found


async def test_a_search_answers_in_connects_shape(house: House) -> None:
    await house.store.save_contact(a_record(recording=a_recording()))
    found = await searched(house)
    assert set(found) == {"Contacts", "TotalCount"} and found["TotalCount"] == 1
    (contact,) = found["Contacts"]
    ours = contact.pop("Telephonist")
    assert contact == {
        "Id": "contact-1",
        "Arn": f"arn:telephonist:connect::{ACME.account}:instance/{ACME.instance}/contact/contact-1",
        "InitiationMethod": "INBOUND",
        "Channel": "VOICE",
        "QueueInfo": {"Id": "queue-1", "EnqueueTimestamp": NOON + 1},
        "AgentInfo": {"Id": "user-1", "ConnectedToAgentTimestamp": NOON + 3},
        "InitiationTimestamp": NOON,
        "DisconnectTimestamp": NOON + 70,
        "CustomerEndpoint": {"Type": "TELEPHONE_NUMBER", "Address": NUMBER},
        "DisconnectReason": "CUSTOMER_DISCONNECT",
    }
    assert (ours["Queue"], ours["Agent"], ours["CustomerHoldDuration"]) == ("Support", "ada", 5)
    assert ours["Recording"] == {
        "State": "verified",
        "Times": a_recording().times,
        "DurationMs": 60_000,
        "Size": 1000,
        "Gaps": 0,
        "Reason": "",
    }


async def test_pages_follow_one_another(house: House) -> None:
    for number in range(5):
        await house.store.save_contact(a_record(f"contact-{number}", initiated=NOON + number))
    seen, token = list[str](), None
    while True:
        found = await searched(house, MaxResults=2, **({"NextToken": token} if token else {}))
        seen += [contact["Id"] for contact in found["Contacts"]]
        assert found["TotalCount"] == 5
        token = found.get("NextToken")
        if not token:
            break
    assert seen == [f"contact-{number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"AgentIds": ["user-1"]}, {"contact-1", "contact-2"}),
        ({"AgentIds": ["user-9"]}, set()),
        ({"QueueIds": ["queue-2"]}, {"contact-2"}),
        ({"InitiationMethods": ["OUTBOUND", "API"]}, {"contact-3"}),
        ({"CustomerEndpoint": "49 171 98765-43"}, {"contact-1", "contact-3"}),
        ({}, {"contact-1", "contact-2", "contact-3"}),
    ],
)
async def test_criteria_narrow(house: House, criteria: dict[str, Any], found: set[str]) -> None:
    await house.store.save_contact(a_record())
    sales = QueueInfo("queue-2", "Sales", NOON)
    await house.store.save_contact(a_record("contact-2", customer=Pii("+331"), queue=sales))
    await house.store.save_contact(a_record("contact-3", initiation_method="OUTBOUND", agent=None))
    result = await searched(house, SearchCriteria=criteria)
    assert {contact["Id"] for contact in result["Contacts"]} == found


@pytest.mark.parametrize(
    "changes",
    [
        {"TimeRange": {"Type": "INITIATION_TIMESTAMP", "StartTime": 0, "EndTime": WINDOW + 1}},
        {"TimeRange": {"Type": "INITIATION_TIMESTAMP", "StartTime": 2, "EndTime": 1}},
        {"TimeRange": {"Type": "SCHEDULED_TIMESTAMP", "StartTime": 1, "EndTime": 2}},
        {"MaxResults": 0},
        {"MaxResults": 101},
        {"NextToken": "rubbish"},
        {"SearchCriteria": {"Channels": ["CHAT"]}},
        {"SearchCriteria": {"InitiationMethods": ["SMOKE"]}},
        {"Sort": {"FieldName": "INITIATION_TIMESTAMP"}},
        {"InstanceId": 7},
    ],
)
async def test_bad_searches_are_refused(house: House, changes: dict[str, Any]) -> None:
    response = await (await house.browser("sam")).post("/search-contacts", a_search(**changes))
    assert await error_of(response) == (400, "InvalidParameterException")


async def test_every_search_is_audited_without_the_number(house: House) -> None:
    await searched(house, SearchCriteria={"CustomerEndpoint": NUMBER, "QueueIds": ["queue-1"]})
    event = (await house.store.audit_events(ACME))[-1].event
    assert (event.action, event.actor, event.outcome) == ("SearchContacts", "user-2", "allowed")
    assert event.detail == {"start": str(NOON - 3600), "end": str(NOON + 3600), "queues": "queue-1", "number": "•••"}


async def described(house: House, record: ContactRecord) -> dict[str, Any]:
    await house.store.save_contact(record)
    response = await (await house.browser("sam")).get(f"/contacts/{ACME.instance}/{record.contact}")
    assert response.status == 200
    contact: dict[str, Any] = (await response.json())["Contact"]
    return contact


async def test_a_contact_is_described_in_connects_shape(house: House) -> None:
    contact = await described(house, a_record(recording=a_recording(), previous_contact="contact-0"))
    assert contact["SystemEndpoint"] == {"Type": "TELEPHONE_NUMBER", "Address": "+15550100"}
    assert contact["PreviousContactId"] == "contact-0" and "NextContactId" not in contact
    assert contact["LastUpdateTimestamp"] == NOON and contact["ConnectedToSystemTimestamp"] == NOON
    assert contact["Attributes"] == {"policy": "KX-4711-secret"}
    assert contact["AgentInfo"]["AfterContactWorkDuration"] == 10
    assert contact["Recordings"] == [
        {
            "StorageType": "S3",
            "Location": "connect/acme/CallRecordings/x.wav",
            "MediaStreamType": "AUDIO",
            "ParticipantType": "ALL",
            "Status": "AVAILABLE",
        }
    ]


async def test_a_recording_is_in_the_record_when_it_is_safe_and_work_has_ended(house: House) -> None:
    under_way = await described(house, a_record(recording=a_recording("uploaded")))
    assert "Recordings" not in under_way and under_way["Telephonist"]["Recording"]["State"] == "uploaded"
    working = await described(house, a_record("contact-2", recording=a_recording(), completed=None))
    assert "Recordings" not in working and working["Telephonist"]["Recording"]["State"] == "verified"


async def test_an_instance_is_named_by_its_arn_too(house: House) -> None:
    await house.store.save_contact(a_record())
    arn = f"arn:telephonist:connect::{ACME.account}:instance/{ACME.instance}"
    assert len((await searched(house, InstanceId=arn))["Contacts"]) == 1


async def test_unknown_and_foreign_contacts_look_alike(house: House) -> None:
    await house.store.save_contact(a_record("theirs", RIVAL))
    browser = await house.browser("sam")
    paths = (f"/contacts/{RIVAL.instance}/theirs", f"/contacts/{ACME.instance}/theirs", "/contacts/nowhere/x")
    answers = [await browser.get(path) for path in paths]
    assert [await error_of(answer) for answer in answers] == [(404, "ResourceNotFoundException")] * 3
    assert len({await answer.text() for answer in answers}) == 1
    foreign = await browser.post("/search-contacts", a_search(InstanceId=RIVAL.instance))
    assert await error_of(foreign) == (404, "ResourceNotFoundException")
    refused = [row.event for row in await house.store.audit_events(ACME) if row.event.outcome == "refused"]
    assert len(refused) == 3 and await house.store.audit_events(RIVAL) == []


async def test_without_the_permission_no_id_is_told(house: House) -> None:
    await house.store.save_contact(a_record())
    browser = await house.browser("ada")
    answers = [await browser.get(f"/contacts/{ACME.instance}/{contact}") for contact in ("contact-1", "contact-9")]
    assert [await error_of(answer) for answer in answers] == [(403, "AccessDeniedException")] * 2
    assert len({await answer.text() for answer in answers}) == 1
    assert (await browser.post("/search-contacts", a_search())).status == 403


async def test_how_it_sounded_is_told_in_connects_shape(house: House) -> None:
    good, bad = Flow(500, 5, 2.0, None, 4.2, 4.0), Flow(500, 50, 35.0, 310.0, 2.4, 1.9)
    await house.store.save_contact(a_record())
    await house.store.save_quality(ACME, "contact-1", QualityInfo("agent", "opus/48000", good))
    await house.store.save_quality(ACME, "contact-1", QualityInfo("customer", "PCMU/8000", good, bad, ("one_way",)))
    described = await (await house.browser("sam")).get(f"/contacts/{ACME.instance}/contact-1")
    quality = (await described.json())["Contact"]["QualityMetrics"]
    received = {"Packets": 500, "Lost": 5, "JitterMs": 2.0, "MeanOpinionScore": 4.2, "LowestMeanOpinionScore": 4.0}
    assert quality["Agent"] == {
        "Audio": {
            "QualityScore": 4.2,
            "PotentialQualityIssues": [],
            "Telephonist": {"Codec": "opus/48000", "Received": received, "Alarms": []},
        }
    }
    audio = quality["Customer"]["Audio"]
    assert audio["QualityScore"] == 2.4
    assert audio["PotentialQualityIssues"] == ["HighPacketLoss", "HighRoundTripTime", "HighJitterBuffer"]
    assert audio["Telephonist"]["Alarms"] == ["one_way"]
