"""The whole way, with a real process: tap in, spool, seal, finalize, deliver, read."""

import asyncio
import hashlib
from collections.abc import Awaitable
from pathlib import Path

import msgspec
import pytest

from ipc.messages import Refusal
from recorder import api
from recorder.finalizing import manifest
from recorder.wire import Codec
from tests.recorder.process import TENANT, RecorderProcess, start_of, tapped
from tests.support.tapper import Speaker, Tapper, batches, call
from tests.support.tones import level_of

RECORDING = "0123456789abcdef0123456789abcdef"
OTHER = "ffffffffffffffff0123456789abcdef"


async def tap(tapper: Tapper, recording: str, *speakers: Speaker) -> None:
    """Says all that the speakers say, and waits until it is acknowledged."""
    for batch in batches(call(recording, speakers)):
        tapper.send(batch)
    await tapper.drained()


async def test_two_parties_are_found_on_their_sides(tmp_path: Path) -> None:
    async with tapped(tmp_path, start_of(RECORDING)) as (recorder, tapper):
        await tap(tapper, RECORDING, Speaker(0, 440.0, end=3.0), Speaker(1, 700.0, Codec.PCMA, end=3.0))
        await recorder.client.ask(api.Seal(RECORDING))
        await recorder.reached(RECORDING, "released")
        heard = await recorder.delivered(RECORDING)
        states = recorder.states[RECORDING]
        assert states == ["recording", "sealed", "finalized", "uploaded", "verified", "released"]
        assert [path.name for path in (recorder.data / "spool" / RECORDING).iterdir()] == ["journal"]
    assert heard.rate == 8000
    assert len(heard.left) == 24000
    assert heard.manifest.duration_ms == 3000
    assert heard.manifest.gaps == ()
    assert level_of(heard.left, 8000, 440) > -11
    assert level_of(heard.left, 8000, 700) < -60
    assert level_of(heard.right, 8000, 700) > -11
    assert level_of(heard.right, 8000, 440) < -60


async def test_a_second_recorder_waits_for_the_end_of_the_first(tmp_path: Path) -> None:
    """Of two on one spool each would take what the other writes for damage."""
    async with tapped(tmp_path, start_of(RECORDING)) as (recorder, tapper):
        sounds = list(batches(call(RECORDING, (Speaker(0, end=2.0), Speaker(1, 700.0, end=2.0)))))
        for batch in sounds[:50]:
            tapper.send(batch)
        await tapper.drained()
        second = RecorderProcess(tmp_path)
        second.control, second.tap, second.log = (tmp_path / name for name in ("control2", "tap2.sock", "log2"))
        await second.spawn()
        while b"waiting" not in second.log.read_bytes():
            await asyncio.sleep(0.01)  # a file does not tell when it is written
        assert await second.stop() == 0
        assert not second.control.exists()
        await second.spawn()
        connecting = asyncio.create_task(second.connected())
        for batch in sounds[50:]:
            tapper.send(batch)
        await tapper.drained()
        await recorder.client.ask(api.Seal(RECORDING))
        await recorder.reached(RECORDING, "released")
        await recorder.kill()
        await connecting
        assert [status.state for status in (await second.client.ask(api.GetRecordings())).recordings] == ["released"]
        assert await second.stop() == 0
        await recorder.start()
    assert recorder.states[RECORDING].count("sealed") == 1


async def test_commands(tmp_path: Path) -> None:
    """Everything that may be said twice is said twice, and what may not be said is refused by its code."""
    start = start_of(RECORDING)
    key = start.key
    async with tapped(tmp_path, start) as (recorder, tapper):
        ask = recorder.client.ask
        await ask(start)
        assert await refusal(ask(msgspec.structs.replace(start, contact="another"))) == "exists"
        assert await refusal(ask(msgspec.structs.replace(start, recording=OTHER))) == "exists"
        assert await refusal(ask(msgspec.structs.replace(start, parties=()))) == "exists"
        joined = (*start.parties, api.Party(2, "other", "leg-third"))
        await ask(msgspec.structs.replace(start, parties=joined))
        for bad in ({"recording": "x"}, {"key": "../x.wav"}, {"account": ""}, {"format": "flac"}, {"format": "mp3"}):
            assert await refusal(ask(msgspec.structs.replace(start, **{"recording": OTHER} | bad))) == "bad_command"
        assert await refusal(ask(api.Seal(OTHER))) == "no_such_recording"
        assert await refusal(ask(api.Read(*TENANT, key, 0, 10))) == "not_ready"
        assert await refusal(ask(api.Delete(*TENANT, key))) == "not_ready"
        three = (Speaker(0, end=3.0), Speaker(1, 700.0, end=3.0), Speaker(2, 1000.0, end=3.0))
        await tap(tapper, RECORDING, *three)
        await ask(api.Seal(RECORDING))
        await ask(api.Seal(RECORDING))
        status = await recorder.reached(RECORDING, "released")
        await ask(api.Seal(RECORDING))
        heard = await recorder.delivered(RECORDING)
        assert level_of(heard.left, 8000, 1000) > -11
        sound = await recorder.read(RECORDING)
        assert (len(sound), hashlib.sha256(sound).hexdigest()) == (status.size, status.sha256)
        assert (await ask(api.Read(*TENANT, key, 65530, 20))).data == sound[65530:65550]
        assert (await ask(api.Read(*TENANT, key, len(sound) - 5, 20))).data == sound[-5:]
        assert await refusal(ask(api.Read("acct", "another", key, 0, 10))) == "no_such_recording"
        assert await refusal(ask(api.Delete("acct", "another", key))) == "no_such_recording"
        for bad_range in ((len(sound), 1), (-1, 5), (0, 0), (0, 2_000_000)):
            assert await refusal(ask(api.Read(*TENANT, key, *bad_range))) == "out_of_range"
        assert await refusal(ask(api.Read(*TENANT, "../../etc/passwd", 0, 1))) == "bad_command"
        assert await refusal(ask(api.ReadManifest(*TENANT, "connect/none.wav"))) == "no_such_recording"
        await ask(api.Delete(*TENANT, key))
        await ask(api.Delete(*TENANT, key))
        assert not [path for path in (recorder.data / "objects").rglob("*") if path.is_file()]


async def test_tracks_are_delivered_read_and_deleted_with_their_sound(tmp_path: Path) -> None:
    start = start_of(RECORDING, format="flac", tracks=True)
    async with tapped(tmp_path, start) as (recorder, tapper):
        await tap(tapper, RECORDING, Speaker(0, end=1.0), Speaker(1, 700.0, end=1.0))
        await recorder.client.ask(api.Seal(RECORDING))
        await recorder.reached(RECORDING, "released")
        told = manifest.decode((await recorder.client.ask(api.ReadManifest(*TENANT, start.key))).json.encode())
        for key, sha256 in [(start.key, told.sha256), *((track.key, track.sha256) for track in told.tracks)]:
            sound = (await recorder.client.ask(api.Read(*TENANT, key, 0, 1_000_000))).data
            assert (sound[:4], hashlib.sha256(sound).hexdigest()) == (b"fLaC", sha256)
        objects = [path for path in (recorder.data / "objects").rglob("*") if path.is_file()]
        assert len(objects) == 5
        await recorder.client.ask(api.Delete(*TENANT, start.key))
        assert not any(path.exists() for path in objects)


async def test_a_recording_without_sound_is_released_and_leaves_nothing(tmp_path: Path) -> None:
    async with tapped(tmp_path, start_of(RECORDING)) as (recorder, tapper):
        await recorder.client.ask(api.Seal(RECORDING))
        status = await recorder.reached(RECORDING, "released")
        assert status.duration_ms == 0
        assert not (recorder.data / "objects").exists()
        tapper.send(b"")
        await tapper.drained()


async def test_sound_that_comes_before_its_start_is_kept(tmp_path: Path) -> None:
    async with tapped(tmp_path, start_of(RECORDING)) as (recorder, tapper):
        for batch in batches(call(OTHER, (Speaker(0, end=2.0),))):
            tapper.send(batch)
        with pytest.raises(TimeoutError):
            await tapper.drained(0.5)
        await recorder.client.ask(start_of(OTHER))
        await tapper.drained()
        await recorder.client.ask(api.Seal(OTHER))
        await recorder.reached(OTHER, "released")
        assert level_of((await recorder.delivered(OTHER)).left, 8000, 440) > -11


async def test_what_is_open_or_released_is_remembered(tmp_path: Path) -> None:
    """A recorder that comes back knows what it may be asked about, and takes a repeated Start for what it is."""
    async with tapped(tmp_path, start_of(RECORDING)) as (recorder, tapper):
        await recorder.client.ask(start_of(OTHER))
        await tap(tapper, RECORDING, Speaker(0, end=1.0))
        await recorder.client.ask(api.Seal(RECORDING))
        await recorder.reached(RECORDING, "released")
        await tapper.close()
        await recorder.kill()
        await recorder.start()
        known = {
            status.recording: status.state for status in (await recorder.client.ask(api.GetRecordings())).recordings
        }
        assert known == {RECORDING: "released", OTHER: "recording"}
        await recorder.client.ask(start_of(RECORDING))
        await recorder.client.ask(start_of(OTHER))
        await tapper.connect()
        await tap(tapper, OTHER, Speaker(1, 700.0, end=1.0))
        await recorder.client.ask(api.Seal(OTHER))
        await recorder.reached(OTHER, "released")
        assert level_of((await recorder.delivered(OTHER)).right, 8000, 700) > -11


async def test_bad_batches_do_not_end_the_tap(tmp_path: Path) -> None:
    async with tapped(tmp_path, start_of(RECORDING)) as (recorder, tapper):
        bodies = list(batches(call(RECORDING, (Speaker(0, end=2.0),))))
        for index, body in enumerate(bodies):
            tapper.send(body)
            if index == 20:
                tapper.send(b"not a record")
        await tapper.drained()
        await recorder.client.ask(api.Seal(RECORDING))
        await recorder.reached(RECORDING, "released")
        assert (await recorder.delivered(RECORDING)).manifest.gaps == ()


async def refusal(asked: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as raised:
        await asked
    return raised.value.code


async def test_a_folder_that_cannot_be_read_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    bad, stray = "ab" * 16, "cd" * 16
    async with tapped(tmp_path, start_of(bad)) as (recorder, tapper):
        await recorder.kill()
        await tapper.close()
        (recorder.data / "spool" / bad / "000007.segment").mkdir()
        (recorder.data / "spool" / stray).write_text("no folder")
        await recorder.start()
        await tapper.connect()
        for recording in (bad, stray):
            status = await recorder.reached(recording, "quarantined")
            assert "directory" in status.reason.lower()
        kept, key = recorder.data / "spool" / bad, start_of(bad).key
        await recorder.client.ask(api.Delete("acct", "another", key, bad))
        await recorder.client.ask(api.Delete(*TENANT, key, RECORDING))
        assert kept.exists()
        await recorder.client.ask(api.Delete(*TENANT, key, bad))
        assert not kept.exists()
        await recorder.client.ask(start_of(RECORDING))
        await recorder.client.ask(api.Seal(RECORDING))
        await recorder.reached(RECORDING, "released")


async def test_what_is_in_quarantine_is_tried_again(tmp_path: Path) -> None:
    """A byte of the spool changes, and is put right by hand; and a journal is away, and comes back."""
    start = start_of(RECORDING)
    retry = api.Retry(*TENANT, RECORDING)
    async with tapped(tmp_path, start) as (recorder, tapper):
        ask, folder = recorder.client.ask, recorder.data / "spool" / RECORDING
        await tap(tapper, RECORDING, Speaker(0, end=2.0), Speaker(1, 700.0, end=2.0))
        [segment] = folder.glob("*.segment")
        good = segment.read_bytes()
        segment.write_bytes(good[:3000] + bytes((good[3000] ^ 1,)) + good[3001:])
        await ask(api.Seal(RECORDING))
        status = await recorder.reached(RECORDING, "quarantined")
        assert status.cause == "damaged"
        assert await refusal(ask(api.Retry("acct", "another", RECORDING))) == "no_such_recording"
        assert await refusal(ask(api.Retry(*TENANT, OTHER))) == "no_such_recording"
        await ask(retry)
        while (status := await recorder.reached(RECORDING, "quarantined")).times["sealed"] > status.times[
            "quarantined"
        ]:
            continue  # it is set aside once more
        sealed = segment.read_bytes()
        segment.write_bytes(good[: len(good)] + sealed[len(good) :])
        journal = folder / "journal"
        known = journal.read_bytes()
        journal.unlink()
        await tapper.close()
        await recorder.kill()
        await recorder.start()
        assert (await recorder.reached(RECORDING, "quarantined")).cause == "unreadable"
        journal.write_bytes(known)
        await recorder.client.ask(retry)
        assert (await recorder.reached(RECORDING, "quarantined")).cause == "damaged"
        await recorder.client.ask(retry)
        status = await recorder.reached(RECORDING, "released")
        assert (status.cause, status.reason) == ("", "")
        heard = await recorder.delivered(RECORDING)
    assert level_of(heard.left, 8000, 440) > -11
    assert heard.manifest.gaps == ()
