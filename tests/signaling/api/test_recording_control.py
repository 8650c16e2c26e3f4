"""Recordings are controlled as Amazon Connect's clients do it; requests and answers are judged by botocore's model."""

from typing import Any

import pytest

from signaling.center.decisions import SealRecording, SetPicture, StartRecording
from tests.signaling.api.house import Browser, House
from tests.signaling.store.samples import ACME, RIVAL, a_record
from tests.support.connect_model import answer_of, request_of

C1 = {"InstanceId": ACME.instance, "ContactId": "c-1", "InitialContactId": "c-1"}
TRACKS: dict[str, Any] = {"VoiceRecordingConfiguration": {"VoiceRecordingTrack": "ALL"}}
START, STOP, SUSPEND, RESUME = (f"{verb}ContactRecording" for verb in ("Start", "Stop", "Suspend", "Resume"))


async def ask(browser: Browser, operation: str, **changes: Any) -> str:
    """The error's code; nothing for an answer as Connect gives it."""
    parameters = C1 | (TRACKS if operation == START else {}) | changes
    method, path, body = request_of(operation, parameters)
    response = await browser.send(method, path, body)
    answer = answer_of(operation, response.status, dict(response.headers), await response.read())
    assert response.status >= 400 or set(answer) == {"ResponseMetadata"}
    return str(answer["Error"]["Code"]) if response.status >= 400 else ""


async def trail(house: House) -> list[tuple[str, str, str]]:
    rows = [row.event for row in await house.store.audit_events(ACME)]
    return [(row.action, row.resource, row.outcome) for row in rows if row.action != "SignIn"]


def live(house: House) -> list[bool]:
    pictures = [item for item in house.floor.decisions if isinstance(item, SetPicture)]
    return [tap.live for tap in pictures[-1].taps]


@pytest.fixture
async def sam(house: House) -> Browser:
    """May control recordings; one contact talks."""
    house.floor.call("c-1")
    return await house.browser("sam")


async def test_suspended_resumed_and_stopped_once_for_all(house: House, sam: Browser) -> None:
    assert await ask(sam, SUSPEND) == "" and live(house) == [False, False]
    assert house.floor.states(ACME.instance, "c-1") == {"AGENT": "suspended", "IVR": "off"}
    assert await ask(sam, SUSPEND) == "InvalidRequestException"
    assert await ask(sam, RESUME) == "" and live(house) == [True, True]
    assert await ask(sam, RESUME, ContactRecordingType="AGENT") == "InvalidRequestException"
    assert await ask(sam, STOP) == "" and live(house) == []
    for again in (STOP, START, SUSPEND, RESUME):
        assert await ask(sam, again) == "InvalidRequestException"
    assert sum(isinstance(item, SealRecording) for item in house.floor.decisions) == 1
    outcomes = [(action, outcome) for action, resource, outcome in await trail(house)]
    assert outcomes[:5] == [
        (SUSPEND, "allowed"), (SUSPEND, "allowed"), (SUSPEND, "refused"), (RESUME, "allowed"), (RESUME, "allowed")
    ]  # fmt: skip


async def test_started_before_the_agent_is_there(house: House) -> None:
    house.floor.call("c-1", connected=False)
    sam = await house.browser("sam")
    voice = {"VoiceRecordingTrack": "FROM_AGENT", "IvrRecordingTrack": "ALL"}
    assert await ask(sam, START, VoiceRecordingConfiguration=voice) == ""
    [ivr] = [item for item in house.floor.decisions if isinstance(item, StartRecording)]
    assert "/CallRecordings/ivr/" in ivr.key
    assert await ask(sam, START) == "InvalidRequestException"
    assert await ask(sam, SUSPEND, ContactRecordingType="IVR") == ""
    assert house.floor.states(ACME.instance, "c-1") == {"AGENT": "armed", "IVR": "suspended"}


async def test_what_is_not_there_looks_like_what_is_another_s(house: House, sam: Browser) -> None:
    await house.store.save_contact(a_record("theirs", RIVAL))
    answers = set()
    for changes in (
        {"ContactId": "unknown", "InitialContactId": "unknown"},
        {"ContactId": "theirs", "InitialContactId": "theirs"},
        {"InstanceId": RIVAL.instance, "ContactId": "theirs", "InitialContactId": "theirs"},
        {"InitialContactId": "another"},
    ):
        _, path, body = request_of(SUSPEND, C1 | changes)
        response = await sam.post(path, body)
        answers.add((response.status, await response.text()))
    assert len(answers) == 1 and answers.pop()[0] == 404
    assert live(house) == [True, True]


async def test_a_contact_that_is_over_is_said_to_be(house: House, sam: Browser) -> None:
    await house.store.save_contact(a_record("past"))
    assert await ask(sam, SUSPEND, ContactId="past", InitialContactId="past") == "InvalidRequestException"


async def test_a_contact_is_named_by_the_first_of_its_chain_too(house: House, sam: Browser) -> None:
    await house.store.save_contact(a_record("c-1", initial_contact="c-0"))
    assert await ask(sam, SUSPEND, InitialContactId="c-0") == ""


async def test_who_may_not_is_refused_and_audited(house: House, sam: Browser) -> None:
    ada = await house.browser("ada")
    for operation in (START, STOP, SUSPEND, RESUME):
        assert await ask(ada, operation) == "AccessDeniedException"
    assert {(resource, outcome) for _, resource, outcome in await trail(house)} == {("recording/c-1", "refused")}
    assert live(house) == [True, True]
    assert await ask(Browser(sam.client, "nobody"), STOP) == "UnauthorizedException"


@pytest.mark.parametrize(
    "body",
    [
        {},
        C1 | {"ContactRecordingType": "SCREEN"},
        C1 | {"ContactRecordingType": "agent"},
        C1 | {"ContactId": ""},
        C1 | {"ContactId": "x" * 257},
        C1 | {"Volume": 11},
    ],
)
async def test_other_shapes_are_refused(house: House, sam: Browser, body: dict[str, Any]) -> None:
    response = await sam.post("/contact/suspend-recording", body)
    assert response.status == 400
    assert live(house) == [True, True]


async def test_a_secure_pause_by_api(house: House, sam: Browser) -> None:
    asked = C1 | {"Digits": 16, "Pound": True, "Seconds": 60}
    assert (await sam.post("/contact/secure-pause", asked)).status == 200
    assert (live(house), house.floor.states(ACME.instance, "c-1")["AGENT"]) == ([False, False], "secured")
    assert (await sam.post("/contact/secure-pause", C1)).status == 400
    assert (await sam.post("/contact/secure-resume", C1)).status == 200
    assert live(house) == [True, True]
    assert (await sam.post("/contact/secure-resume", C1)).status == 400
    for wrong in ({"Digits": 65}, {"Digits": -1}, {"Seconds": 0}, {"Seconds": 1e9}, {"Seconds": "soon"}):
        assert (await sam.post("/contact/secure-pause", C1 | wrong)).status == 400


async def test_describe_tells_how_the_recordings_are_while_the_contact_goes_on(house: House, sam: Browser) -> None:
    await house.store.save_contact(a_record("c-1", completed=None))
    await ask(sam, SUSPEND)
    described = await (await sam.get(f"/contacts/{ACME.instance}/c-1")).json()
    assert described["Contact"]["Telephonist"]["RecordingStates"] == {"AGENT": "suspended", "IVR": "off"}
