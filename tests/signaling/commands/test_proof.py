"""`telephonist recording verify` on a data directory whose node is stopped."""

import asyncio
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from recorder.delivery.names import key_object_key, manifest_key
from recorder.finalizing.outcome import Finished
from signaling.center.record import Tombstone
from signaling.commands.cli import main
from signaling.commands.upkeep import opened
from signaling.node.places import Places
from signaling.store.recordings import Kept
from tests.recorder.offline import RECORDING, Room
from tests.recorder.process import start_of
from tests.signaling.store.samples import ACME, a_directory, a_record, a_recording
from tests.support.tapper import Speaker, call

KEY = start_of(RECORDING).key


def verify(data: Path, id: str) -> Result:
    return CliRunner().invoke(main, ["recording", "verify", id, "--data", str(data)])


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A node's data with one delivered recording, of contact-1."""
    places = Places(tmp_path / "d")
    (places.keyring.parent).mkdir(parents=True)
    room = Room(tmp_path / "room")
    made = deliver(places, room)
    shutil.copy(room.keyring, places.keyring)
    asyncio.run(keep(places, made))
    return places


async def keep(places: Places, made: Finished) -> None:
    told = {"duration_ms": made.duration_ms, "size": made.size, "sha256": made.sha256}
    recording = a_recording("released", id=RECORDING, key=KEY, **told)
    async with opened(places) as store:
        await store.save_directory(a_directory(), {})
        await store.save_contact(a_record(recording=recording))


def deliver(places: Places, room: Room) -> Finished:
    start = msgspec.structs.replace(
        start_of(RECORDING), account=ACME.account, instance=ACME.instance, contact="contact-1"
    )
    folder = room.spool_as(start, call(RECORDING, (Speaker(0, end=1.0), Speaker(1, 700.0, end=1.0))))
    made = room.finalize(folder)
    assert isinstance(made, Finished)
    room.deliver(folder, made, places.store)
    return made


@pytest.mark.parametrize("id", [RECORDING, "contact-1"])
def test_a_whole_recording_is_proved(places: Places, id: str) -> None:
    told = verify(places.data, id)
    assert (told.exit_code, "FAIL" in told.output) == (0, False), told.output
    lines = told.output.splitlines()
    assert lines[0] == f"acme: contact contact-1, recording {RECORDING} (agent's part)"
    assert [line.split()[1] for line in lines[1:]] == ["record", "key", "object", "manifest", "audit"]


def test_one_changed_byte_fails_it(places: Places) -> None:
    path = places.store / KEY
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    told = verify(places.data, RECORDING)
    assert told.exit_code == 1 and "  FAIL  object" in told.output


def test_a_changed_row_of_the_trail_or_of_the_record_fails_it(places: Places) -> None:
    connection = sqlite3.connect(places.database)
    connection.execute("UPDATE recordings SET sha256 = 'ab'")
    connection.commit()
    connection.close()
    told = verify(places.data, RECORDING)
    assert told.exit_code == 1 and "not what was recorded" in told.output


def test_what_was_deleted_says_who_and_why_and_must_be_gone(places: Places) -> None:
    async def bury() -> None:
        async with opened(places) as store:
            kept = await store.recording(ACME, RECORDING)
            assert kept is not None
            assert await store.bury(ACME, Kept(*kept), Tombstone(1.0, "max", "The customer asked for it."))

    asyncio.run(bury())
    told = verify(places.data, RECORDING)
    assert told.exit_code == 1 and "the store still has it" in told.output
    for key in (KEY, manifest_key(KEY), key_object_key(KEY)):
        (places.store / key).unlink()
    told = verify(places.data, RECORDING)
    assert told.exit_code == 0 and "deleted by max: The customer asked for it." in told.output


def test_unknown_ids_and_empty_folders_are_said(places: Places, tmp_path: Path) -> None:
    told = verify(places.data, "nobody")
    assert told.exit_code == 2 and "no recording" in told.output
    assert verify(tmp_path / "empty", RECORDING).exit_code == 2


def test_a_recording_is_whole_after_its_key_was_rotated_rewrapped_and_the_earlier_one_destroyed(places: Places) -> None:
    def keys(*words: str) -> Result:
        return CliRunner().invoke(main, ["keys", *words, "--data", str(places.data)])

    assert keys("rotate", "acme").exit_code == 0
    told = keys("rewrap")
    assert (told.exit_code, told.output.splitlines()[-1]) == (
        0,
        "acme: contact records 2 of 2 keys renewed, delivered recordings 1 of 1, on their way 0",
    )
    told = keys("rewrap", "acme")
    assert told.output.endswith("contact records 0 of 2 keys renewed, delivered recordings 0 of 1, on their way 0\n")
    assert keys("destroy", "acme", "--version", "1", "--reason", "rotated", "--yes").exit_code == 0
    told = verify(places.data, RECORDING)
    assert (told.exit_code, "FAIL" in told.output) == (0, False), told.output
    assert "4 rows hold" in told.output
    assert keys("destroy", "acme", "--reason", "the contract is over", "--yes").exit_code == 0
    assert "was destroyed" in verify(places.data, RECORDING).output
    told = keys("rewrap")
    assert "1 keys do not open: destroyed or damaged" in told.output
