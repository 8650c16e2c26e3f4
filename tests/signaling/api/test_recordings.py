import json
import random

import aiohttp
import pytest

from signaling.api.tickets import FRESH, IDLE
from tests.signaling.api.house import PIECE, Browser, House, error_of
from tests.signaling.store.samples import ACME, RIVAL, a_record, a_recording

SOUND = random.Random(2).randbytes(2 * PIECE + 12345)
KEY = a_recording().key


@pytest.fixture
async def browser(house: House) -> Browser:
    """Of a supervisor, with one recording to listen to."""
    await house.store.save_contact(a_record(recording=a_recording()))
    house.sounds.objects[KEY] = SOUND
    return await house.browser("sam")


async def listens(house: House) -> list[tuple[str, str]]:
    rows = [row.event for row in await house.store.audit_events(ACME)]
    return [(row.resource, row.outcome) for row in rows if row.action == "ListenCallRecording"]


async def test_the_whole_sound_comes_in_pieces(house: House, browser: Browser) -> None:
    response = await browser.get(await browser.ticket())
    assert response.status == 200 and await response.read() == SOUND
    assert response.headers["Content-Type"] == "audio/wav"
    assert response.headers["Content-Length"] == str(len(SOUND))
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Cache-Control"] == "no-store"
    assert house.sounds.asked[1:] == [(0, PIECE), (PIECE, PIECE), (2 * PIECE, 12345)]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-", 100, len(SOUND)),
        ("bytes=-44", len(SOUND) - 44, len(SOUND)),
        ("bytes=0-99999999", 0, len(SOUND)),
        (f"BYTES={PIECE - 1}-{PIECE + 1}", PIECE - 1, PIECE + 2),
    ],
)
async def test_a_range_is_just_that(browser: Browser, asked: str, start: int, end: int) -> None:
    response = await browser.get(await browser.ticket(), Range=asked)
    assert response.status == 206 and await response.read() == SOUND[start:end]
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(SOUND)}"


async def test_a_range_past_the_end_cannot_be_satisfied(house: House, browser: Browser) -> None:
    response = await browser.get(await browser.ticket(), Range=f"bytes={len(SOUND)}-")
    assert response.status == 416 and response.headers["Content-Range"] == f"bytes */{len(SOUND)}"
    assert await listens(house) == []


async def test_a_range_of_another_version_is_not_mixed_in(browser: Browser) -> None:
    fresh = await browser.get(await browser.ticket(), Range="bytes=0-9", If_Range=f'"{a_recording().sha256}"')
    stale = await browser.get(await browser.ticket(), Range="bytes=0-9", If_Range='"older"')
    assert (fresh.status, stale.status) == (206, 200)
    await stale.read()


async def test_head_tells_the_size_and_is_no_listen(house: House, browser: Browser) -> None:
    response = await browser.send("HEAD", await browser.ticket())
    assert response.status == 200 and await response.read() == b""
    assert response.headers["Content-Length"] == str(len(SOUND))
    assert response.headers["Content-Type"] == "audio/wav"
    assert await listens(house) == []


async def test_one_playback_is_one_line_however_many_ranges(house: House, browser: Browser) -> None:
    path = await browser.ticket()
    for start in range(0, 5000, 1000):
        await (await browser.get(path, Range=f"bytes={start}-{start + 999}")).read()
        house.clock.now += IDLE
    assert await listens(house) == [("recording/contact-1", "allowed")]
    house.clock.now += 1
    assert await error_of(await browser.get(path)) == (403, "AccessDeniedException")
    await (await browser.get(await browser.ticket(), Range="bytes=0-9")).read()
    assert await listens(house) == [("recording/contact-1", "allowed")] * 2


async def test_no_sound_without_its_line_in_the_trail(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError

    for purpose in ("LISTEN", "DOWNLOAD"):
        path = await browser.ticket(Purpose=purpose)
        with monkeypatch.context() as patch:
            patch.setattr(type(house.store), "audit", fails)
            assert (await browser.get(path)).status == 500
        assert await (await browser.get(path)).read() == SOUND
    assert await listens(house) == [("recording/contact-1", "allowed")]


async def refusals(house: House) -> list[str]:
    rows = [row.event for row in await house.store.audit_events(ACME)]
    return [str(row.detail["why"]) for row in rows if row.action == "UseTicket" and row.outcome == "refused"]


async def test_a_ticket_is_its_users_its_contacts_and_short_lived(house: House, browser: Browser) -> None:
    await house.store.save_contact(a_record("contact-2", recording=a_recording(id="ef" * 16, key="k2.wav")))
    path = await browser.ticket()
    other = await house.browser("max")
    late = await browser.ticket()
    bad = [
        await other.get(path),
        await browser.get(path.replace("contact-1", "contact-2")),
        await browser.get("/recordings/contact-1/audio"),
        await browser.get("/recordings/contact-1/audio?ticket=" + "A" * 5000),
        await browser.get(path.replace("/recordings/contact-1/audio", "/recordings/export")),
    ]
    house.clock.now += FRESH + 1
    bad.append(await browser.get(late))
    assert [await error_of(answer) for answer in bad] == [(403, "AccessDeniedException")] * len(bad)
    assert len({await answer.text() for answer in bad}) == 1
    reasons = ["foreign", "for something else", "unknown", "unknown", "for something else", "expired"]
    assert await refusals(house) == reasons
    assert await listens(house) == [] and house.sounds.asked == []
    assert (await house.client.get(path)).status == 401


async def test_a_download_is_a_permission_of_its_own_and_its_ticket_good_for_once(
    house: House, browser: Browser
) -> None:
    quality = await house.browser("quinn")
    refused = await quality.post("/recordings/contact-1/tickets", {"Purpose": "DOWNLOAD"})
    assert await error_of(refused) == (403, "AccessDeniedException")
    path = await browser.ticket(Purpose="DOWNLOAD")
    response = await browser.get(path)
    assert await response.read() == SOUND
    assert response.headers["Content-Disposition"] == 'attachment; filename="x.wav"'
    assert (await browser.get(path)).status == 403
    assert await refusals(house) == ["used"]
    rows = [row.event for row in await house.store.audit_events(ACME)]
    assert [row.outcome for row in rows if row.action == "DownloadCallRecording"] == ["refused", "allowed"]


async def test_the_automated_part_is_played_by_its_name(house: House, browser: Browser) -> None:
    key = "connect/acme/CallRecordings/ivr/y.wav"
    await house.store.save_recording(ACME, "contact-1", a_recording(id="ef" * 16, key=key, type="IVR"))
    house.sounds.objects[key] = b"hello"
    assert await (await browser.get(await browser.ticket(Recording="IVR"))).read() == b"hello"
    assert (await browser.post("/recordings/contact-1/tickets", {"Recording": "SCREEN"})).status == 400
    assert (await browser.get("/recordings/contact-1/peaks?Recording=SCREEN")).status == 400


def tracks_of(house: House, *parties: tuple[int, str]) -> dict[int, bytes]:
    """A manifest that names a sound for each party; the sounds."""
    found = {index: f"only {role} {index}".encode() for index, role in parties}
    keys = {index: f"{KEY.removesuffix('.wav')}.{role}-{index}.wav" for index, role in parties}
    house.sounds.objects.update({keys[index]: sound for index, sound in found.items()})
    told = [{"party": n, "key": keys[n], "size": len(found[n]), "sha256": f"{n:064x}"} for n in found]
    house.sounds.manifests[KEY] = json.dumps({"tracks": told})
    return found


async def test_a_partys_own_track_is_heard_and_saved_by_its_index(house: House, browser: Browser) -> None:
    sounds = tracks_of(house, (0, "other"), (1, "agent"))
    heard = await browser.get(await browser.ticket(Track=1), Range="bytes=5-")
    assert (heard.status, await heard.read(), heard.headers["ETag"]) == (206, sounds[1][5:], f'"{1:064x}"')
    saved = await browser.get(await browser.ticket(Purpose="DOWNLOAD", Track=0))
    assert await saved.read() == sounds[0]
    assert saved.headers["Content-Disposition"] == 'attachment; filename="x.other-0.wav"'
    rows = [row.event for row in await house.store.audit_events(ACME)]
    assert [row.detail for row in rows if row.action in ("ListenCallRecording", "DownloadCallRecording")] == [
        {"recording": "AGENT", "track": "1"}, {"recording": "AGENT", "track": "0"},
    ]  # fmt: skip


async def test_a_track_that_is_not_there_or_anothers_is_not_to_be_had(house: House, browser: Browser) -> None:
    tracks_of(house, (0, "other"))
    assert (await browser.post("/recordings/contact-1/tickets", {"Track": 1})).status == 404
    assert (await browser.post("/recordings/contact-1/tickets", {"Track": 256})).status == 400
    assert [outcome for _, outcome in await listens(house)] == ["refused"]
    house.sounds.objects["connect/y.wav"] = b"another's"
    foreign = {"party": 0, "key": "connect/y.wav", "size": 9, "sha256": "0" * 64}
    house.sounds.manifests[KEY] = json.dumps({"tracks": [foreign]})
    assert (await browser.post("/recordings/contact-1/tickets", {"Track": 0})).status == 503
    del house.sounds.manifests[KEY]
    assert (await browser.post("/recordings/contact-1/tickets", {"Track": 0})).status == 404


async def test_peaks_are_those_of_the_manifest(house: House, browser: Browser) -> None:
    peaks = {"per_second": 20, "left": [1, 2], "right": [3, 4]}
    gaps = [{"start_ms": 5, "end_ms": 9, "party": 0, "cause": "tap"}]
    parties = [{"index": 0, "role": "agent"}, {"index": 1, "role": "other"}]
    shown = {"duration_ms": 100, "gaps": gaps, "pauses": [], "parties": parties}
    manifest = shown | {"version": 1, "peaks": peaks, "wrapped_key": "c2VjcmV0"}
    house.sounds.manifests[KEY] = json.dumps(manifest)
    response = await browser.get("/recordings/contact-1/peaks")
    assert await response.json() == peaks | shown | {"tracks": []}
    assert await listens(house) == []


async def test_a_manifest_that_cannot_be_read_is_no_fault(house: House, browser: Browser) -> None:
    for text in ("", "[]", '{"duration_ms": "long"}'):
        house.sounds.manifests[KEY] = text
        assert (await browser.get("/recordings/contact-1/peaks")).status == 503


async def test_who_may_not_listen_hears_nothing_and_leaves_a_trace(house: House, browser: Browser) -> None:
    agent = await house.browser("ada")
    for id in ("contact-1", "unknown"):
        for answer in (
            await agent.get(f"/recordings/{id}/peaks"),
            await agent.post(f"/recordings/{id}/tickets", {}),
            await agent.get(f"/recordings/{id}/audio?ticket=guess"),
        ):
            assert await error_of(answer) == (403, "AccessDeniedException")
    assert await listens(house) == [("recording/contact-1", "refused")] * 2 + [("recording/unknown", "refused")] * 2
    assert house.sounds.asked == []


async def test_recordings_that_are_not_there_look_like_those_of_others(house: House, browser: Browser) -> None:
    await house.store.save_contact(a_record("theirs", RIVAL, recording=a_recording()))
    await house.store.save_contact(a_record("bare"))
    await house.store.save_contact(a_record("early", recording=a_recording("uploaded", id="1" * 32)))
    await house.store.save_contact(a_record("working", recording=a_recording(id="2" * 32), completed=None))
    ids = ("theirs", "unknown", "bare", "early", "working")
    answers = [await browser.post(f"/recordings/{id}/tickets", {}) for id in ids]
    assert [await error_of(answer) for answer in answers] == [(404, "ResourceNotFoundException")] * 5
    assert len({await answer.text() for answer in answers}) == 1
    assert {outcome for _, outcome in await listens(house)} == {"refused"}


async def test_a_recorder_that_is_away_is_said_so_and_uses_no_ticket_up(house: House, browser: Browser) -> None:
    path = await browser.ticket(Purpose="DOWNLOAD")
    house.sounds.broken_after = 0
    assert await error_of(await browser.get(path)) == (503, "ServiceUnavailableException")
    house.sounds.broken_after = None
    assert await (await browser.get(path)).read() == SOUND
    path = await browser.ticket()
    house.sounds.objects.clear()
    assert await error_of(await browser.get(path)) == (404, "ResourceNotFoundException")


async def test_a_sound_that_breaks_off_is_not_taken_for_whole(house: House, browser: Browser) -> None:
    house.sounds.broken_after = 2
    response = await browser.get(await browser.ticket())
    with pytest.raises(aiohttp.ClientError):
        await response.read()
