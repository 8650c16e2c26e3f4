"""Deleting, legal hold, and who did what: allowed to few, told to the trail, and the hold wins."""

from typing import Any

import pytest

from signaling.center.record import Tombstone
from signaling.store.recordings import Kept
from tests.signaling.api.house import Browser, House, error_of
from tests.signaling.store.samples import ACME, RIVAL, a_record, a_recording

KEY = a_recording().key
IVR = a_recording(id="ef" * 16, key="connect/acme/CallRecordings/ivr/y.wav", type="IVR")
DELETE, HOLD, CLEAR = (f"/recordings/contact-1/{name}" for name in ("delete", "legal-hold", "legal-hold/clear"))
WHY = {"Reason": "The customer asked for it."}


@pytest.fixture
async def admin(house: House) -> Browser:
    await house.store.save_contact(a_record(recording=a_recording(), ivr_recording=IVR))
    house.sounds.objects |= {KEY: b"sound", IVR.key: b"hello"}
    return await house.browser("max")


async def trail(house: House, *actions: str) -> list[tuple[str, str]]:
    rows = [row.event for row in await house.store.audit_events(ACME)]
    return [(row.action, row.outcome) for row in rows if row.action in actions]


async def described(house: House, browser: Browser) -> dict[str, Any]:
    shape: dict[str, Any] = (await (await browser.get(f"/contacts/{ACME.instance}/contact-1")).json())["Contact"]
    return shape


async def test_what_is_deleted_leaves_a_tombstone_and_no_sound(house: House, admin: Browser) -> None:
    path = await admin.ticket()
    response = await admin.post(DELETE, WHY)
    assert response.status == 200
    assert [one["Type"] for one in (await response.json())["Deleted"]] == ["AGENT", "IVR"]
    assert house.sounds.objects == {}
    for answer in (
        await admin.get(path),
        await admin.post("/recordings/contact-1/tickets", {}),
        await admin.get("/recordings/contact-1/peaks"),
        await admin.post(DELETE, WHY),
    ):
        assert await error_of(answer) == (404, "ResourceNotFoundException")
    contact = await described(house, admin)
    assert {(one["Status"], one["DeletionReason"]) for one in contact["Recordings"]} == {("DELETED", WHY["Reason"])}
    stone = contact["Telephonist"]["Recording"]["Deleted"]
    now = house.clock.now
    assert stone == {"At": now, "By": "max", "Reason": WHY["Reason"], "Cause": "user", "ErasedAt": now}
    assert await trail(house, "DeleteCallRecording") == [
        ("DeleteCallRecording", "allowed"),
        ("DeleteCallRecording", "refused"),
    ]
    await house.store.save_recording(ACME, "contact-1", a_recording("released"))
    assert (await admin.post("/recordings/contact-1/tickets", {})).status == 404


async def test_one_of_two_is_deleted(house: House, admin: Browser) -> None:
    assert (await admin.post(DELETE, WHY | {"Recording": "IVR"})).status == 200
    assert house.sounds.objects == {KEY: b"sound"}
    assert (await admin.post("/recordings/contact-1/tickets", {})).status == 200
    assert (await admin.post("/recordings/contact-1/tickets", {"Recording": "IVR"})).status == 404


async def test_a_legal_hold_wins_until_it_is_cleared(house: House, admin: Browser) -> None:
    assert (await admin.post(HOLD, {"Reason": "Case 12"})).status == 200
    assert (await described(house, admin))["Telephonist"]["LegalHold"]["Reason"] == "Case 12"
    assert await error_of(await admin.post(HOLD, {"Reason": "Case 13"})) == (409, "ResourceConflictException")
    assert await error_of(await admin.post(DELETE, WHY)) == (409, "ResourceConflictException")
    kept = Kept("contact-1", a_recording())
    assert not await house.store.bury(ACME, kept, Tombstone(1.0, "retention", "old", "retention"))
    assert KEY in house.sounds.objects
    assert (await admin.post(CLEAR, {"Reason": "Case closed"})).status == 200
    assert await error_of(await admin.post(CLEAR, {"Reason": "again"})) == (409, "ResourceConflictException")
    assert (await admin.post(DELETE, WHY)).status == 200
    assert await trail(house, "SetLegalHold", "ClearLegalHold") == [
        ("SetLegalHold", "allowed"), ("SetLegalHold", "allowed"), ("SetLegalHold", "refused"),
        ("ClearLegalHold", "allowed"), ("ClearLegalHold", "allowed"), ("ClearLegalHold", "refused"),
    ]  # fmt: skip


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "a\x00b", "\u202etxt", 7, None])
@pytest.mark.parametrize("path", [DELETE, HOLD, CLEAR])
async def test_a_reason_is_a_reason(house: House, admin: Browser, path: str, reason: object) -> None:
    assert (await admin.post(path, {"Reason": reason})).status == 400
    assert KEY in house.sounds.objects
    assert (await described(house, admin))["Telephonist"].get("LegalHold") is None


async def test_who_may_not_is_refused_and_audited(house: House, admin: Browser) -> None:
    sam = await house.browser("sam")
    for path in (DELETE, HOLD, CLEAR):
        assert await error_of(await sam.post(path, WHY)) == (403, "AccessDeniedException")
    assert (await sam.get("/recordings/contact-1/audit")).status == 403
    operations = ("DeleteCallRecording", "SetLegalHold", "ClearLegalHold", "ViewRecordingAudit")
    assert {outcome for _, outcome in await trail(house, *operations)} == {"refused"}
    assert house.sounds.objects != {}


async def test_unknown_and_foreign_contacts_look_alike(house: House, admin: Browser) -> None:
    await house.store.save_contact(a_record("theirs", RIVAL, recording=a_recording()))
    answers = set()
    for contact in ("theirs", "unknown"):
        for what in ("delete", "legal-hold", "legal-hold/clear"):
            response = await admin.post(f"/recordings/{contact}/{what}", WHY)
            answers.add((response.status, await response.text()))
        answers.add(((await admin.get(f"/recordings/{contact}/audit")).status, await response.text()))
    assert len(answers) == 1 and answers.pop()[0] == 404


async def test_what_is_on_its_way_is_not_deleted(house: House, admin: Browser) -> None:
    early = a_recording("uploaded", id="1" * 32)
    await house.store.save_contact(a_record("early", recording=early))
    answer = await admin.post("/recordings/early/delete", WHY)
    assert await error_of(answer) == (409, "ResourceConflictException")


async def test_a_store_that_is_away_gets_it_deleted_later_and_nobody_hears_it(house: House, admin: Browser) -> None:
    house.sounds.broken_after = 0
    assert (await admin.post(DELETE, WHY)).status == 200
    house.sounds.broken_after = None
    assert (await admin.post("/recordings/contact-1/tickets", {})).status == 404
    assert len(await house.store.unerased(ACME)) == 2


async def test_the_trail_says_who_did_what(house: House, admin: Browser) -> None:
    sam = await house.browser("sam")
    await (await sam.get(await sam.ticket())).read()
    await sam.post(DELETE, WHY)
    entries = (await (await admin.get("/recordings/contact-1/audit")).json())["Entries"]
    assert [(entry["Username"], entry["Action"], entry["Outcome"]) for entry in entries] == [
        ("sam", "DeleteCallRecording", "refused"),
        ("sam", "ListenCallRecording", "allowed"),
        ("sam", "CreateTicket", "allowed"),
    ]
