"""Several recordings at once: what is in the archive, for whom, and what is in the trail."""

import hashlib
import io
import json
import random
import zipfile

import aiohttp
import msgspec
import pytest

from tests.signaling.api.house import PIECE, Browser, House, error_of
from tests.signaling.store.samples import ACME, RIVAL, a_record, a_recording

SOUNDS = {f"contact-{n}": random.Random(n).randbytes(n * PIECE + 77) for n in (0, 1, 2)}
FOLDER = "connect/acme/CallRecordings/2026/11/23"


@pytest.fixture
async def browser(house: House) -> Browser:
    for n, (contact, sound) in enumerate(SOUNDS.items()):
        key = f"{FOLDER}/{contact}_20261123T12:00_UTC.wav"
        recording = a_recording(id=f"{n:032x}", key=key, sha256=hashlib.sha256(sound).hexdigest())
        await house.store.save_contact(a_record(contact, recording=recording))
        house.sounds.objects[key], house.sounds.manifests[key] = sound, json.dumps({"contact": contact})
    return await house.browser("sam")


async def ask(browser: Browser, *contacts: str) -> str:
    response = await browser.post("/recordings/export", {"ContactIds": contacts})
    assert response.status == 200, await response.text()
    return str((await response.json())["Url"])


async def exported(house: House) -> list[tuple[str, str]]:
    rows = [row.event for row in await house.store.audit_events(ACME)]
    return [(row.resource, row.outcome) for row in rows if row.action == "ExportCallRecording"]


async def test_the_archive_holds_each_sound_its_manifest_and_all_hashes(house: House, browser: Browser) -> None:
    response = await browser.get(await ask(browser, *SOUNDS, "contact-1"))
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="recordings-2026')
    with zipfile.ZipFile(io.BytesIO(await response.read())) as archive:
        assert archive.testzip() is None
        index = json.loads(archive.read("index.json"))
        assert [entry["contact"] for entry in index] == list(SOUNDS)
        for entry in index:
            assert archive.read(entry["file"]) == SOUNDS[entry["contact"]]
            assert json.loads(archive.read(f"{entry['file']}.manifest.json")) == {"contact": entry["contact"]}
            assert entry["as_recorded"] and ":" not in entry["file"]
    assert await exported(house) == [(f"recording/{contact}", "allowed") for contact in SOUNDS]


async def test_the_automated_part_comes_along(house: House, browser: Browser) -> None:
    name = "contact-7_20261123T12:00_UTC.wav"
    segment = a_recording(id="7" * 32, key=f"{FOLDER}/{name}")
    automated = a_recording(id="8" * 32, key=f"connect/acme/CallRecordings/ivr/2026/11/23/{name}", type="IVR")
    await house.store.save_contact(a_record("contact-7", recording=segment, ivr_recording=automated))
    await house.store.save_contact(a_record("contact-8", ivr_recording=msgspec.structs.replace(automated, id="9" * 32)))
    for one in (segment, automated):
        house.sounds.objects[one.key], house.sounds.manifests[one.key] = one.id.encode(), "{}"
    response = await browser.get(await ask(browser, "contact-7", "contact-8"))
    with zipfile.ZipFile(io.BytesIO(await response.read())) as archive:
        index = json.loads(archive.read("index.json"))
        assert [(entry["contact"], entry["type"]) for entry in index] == [
            ("contact-7", "AGENT"), ("contact-7", "IVR"), ("contact-8", "IVR"),
        ]  # fmt: skip
        assert archive.read(index[0]["file"]) == segment.id.encode()
        assert archive.read(index[1]["file"]) == automated.id.encode()
        assert len({entry["file"] for entry in index}) == 3


async def test_the_parties_own_tracks_come_along(house: House, browser: Browser) -> None:
    key = f"{FOLDER}/contact-0_20261123T12:00_UTC.wav"
    sounds = {name: f"only {name}".encode() for name in ("other-0", "agent-1")}
    told = []
    for party, (name, sound) in enumerate(sounds.items()):
        track = f"{key.removesuffix('.wav')}.{name}.wav"
        house.sounds.objects[track] = sound
        told.append({"party": party, "key": track, "size": len(sound), "sha256": hashlib.sha256(sound).hexdigest()})
    house.sounds.manifests[key] = json.dumps({"tracks": told})
    response = await browser.get(await ask(browser, "contact-0", "contact-1"))
    with zipfile.ZipFile(io.BytesIO(await response.read())) as archive:
        first, second = json.loads(archive.read("index.json"))
        assert [archive.read(track["file"]) for track in first["tracks"]] == list(sounds.values())
        assert all(track["as_recorded"] for track in first["tracks"])
        assert second["tracks"] == []
        assert len(archive.namelist()) == 7
    house.sounds.manifests[key] = json.dumps({"tracks": [told[0] | {"key": "connect/y.wav"}]})
    response = await browser.get(await ask(browser, "contact-0"))
    with pytest.raises(aiohttp.ClientError):
        await response.read()


async def test_an_export_ticket_is_good_for_once_and_for_nothing_else(house: House, browser: Browser) -> None:
    path = await ask(browser, "contact-0")
    assert (await browser.get(path.replace("/export", "/contact-0/audio"))).status == 403
    assert (await (await browser.get(path)).read())[:2] == b"PK"
    assert await error_of(await browser.get(path)) == (403, "AccessDeniedException")


async def test_one_that_is_not_to_be_had_and_nothing_is(house: House, browser: Browser) -> None:
    await house.store.save_contact(a_record("theirs", RIVAL, recording=a_recording()))
    for contacts in (["contact-0", "theirs"], ["unknown"]):
        assert (await browser.post("/recordings/export", {"ContactIds": contacts})).status == 404
    for contacts in ([], ["x"] * 101, [""]):
        assert (await browser.post("/recordings/export", {"ContactIds": contacts})).status == 400
    quinn = await house.browser("quinn")
    assert (await quinn.post("/recordings/export", {"ContactIds": ["contact-0"]})).status == 403
    assert "allowed" not in {outcome for _, outcome in await exported(house)}


async def test_an_archive_that_breaks_off_is_not_taken_for_whole(house: House, browser: Browser) -> None:
    path = await ask(browser, *SOUNDS)
    house.sounds.broken_after = 3
    response = await browser.get(path)
    with pytest.raises(aiohttp.ClientError):
        await response.read()


async def test_one_that_is_deleted_after_the_ticket_is_not_exported(house: House, browser: Browser) -> None:
    path = await ask(browser, "contact-0", "contact-1")
    admin = await house.browser("max")
    assert (await admin.post("/recordings/contact-1/delete", {"Reason": "asked for"})).status == 200
    assert (await browser.get(path)).status == 404
