"""What was set aside is listed and tried again by those who may, each time with a line in the trail."""

import msgspec
import pytest

from tests.signaling.api.house import Browser, House, error_of
from tests.signaling.store.samples import ACME, a_record, a_recording

REASON = "segment 0: frame 3 is damaged"
TIMES = {"recording": 1.0, "quarantined": 5.0}
ASIDE = msgspec.structs.replace(a_recording(), state="quarantined", reason=REASON, times=TIMES)
RETRY = "/recordings/contact-1/retry"


@pytest.fixture
async def admin(house: House) -> Browser:
    await house.store.save_contact(a_record(recording=ASIDE))
    return await house.browser("max")


async def listed(browser: Browser) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await (await browser.get("/quarantine")).json())["Recordings"]
    return found


async def trail(house: House) -> list[tuple[str, str]]:
    rows = [row.event for row in await house.store.audit_events(ACME)]
    return [(row.action, row.outcome) for row in rows if "Retry" in row.action or "Quarantine" in row.action]


async def test_it_is_listed_with_its_reason_and_tried_again(house: House, admin: Browser) -> None:
    assert await listed(admin) == [
        {"ContactId": "contact-1", "Type": "AGENT", "State": "quarantined", "Reason": REASON, "Since": 5.0}
    ]
    assert await (await admin.post(RETRY, {})).json() == {"Retried": ["AGENT"]}
    assert house.sounds.retried == [a_recording().id]
    assert await trail(house) == [("RetryCallRecording", "allowed")]


async def test_what_waits_for_a_store_is_listed_and_not_retried(house: House, admin: Browser) -> None:
    times = TIMES | {"sealed": 7.0}
    waiting = msgspec.structs.replace(ASIDE, state="sealed", reason="No space left on device", times=times)
    await house.store.save_recording(ACME, "contact-1", waiting)
    assert [(one["State"], one["Since"]) for one in await listed(admin)] == [("sealed", 7.0)]
    assert await error_of(await admin.post(RETRY, {})) == (409, "ResourceConflictException")
    assert house.sounds.retried == []


async def test_what_was_deleted_is_not_listed(house: House, admin: Browser) -> None:
    assert (await admin.post("/recordings/contact-1/delete", {"Reason": "It cannot be repaired."})).status == 200
    assert await listed(admin) == []
    assert (await admin.post(RETRY, {})).status == 409


async def test_others_see_and_do_nothing(house: House, admin: Browser) -> None:
    agent = await house.browser("ada")
    assert await error_of(await agent.get("/quarantine")) == (403, "AccessDeniedException")
    assert await error_of(await agent.post(RETRY, {})) == (403, "AccessDeniedException")
    assert await error_of(await admin.post("/recordings/contact-9/retry", {})) == (404, "ResourceNotFoundException")
    assert house.sounds.retried == []
    assert {outcome for _, outcome in await trail(house)} == {"refused"}


async def test_without_a_recorder_it_says_so(house: House, admin: Browser) -> None:
    house.sounds.broken_after = 0
    assert (await admin.post(RETRY, {})).status == 503
