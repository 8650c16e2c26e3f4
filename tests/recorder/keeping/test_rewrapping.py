"""Data keys are wrapped anew, whatever comes between."""

import asyncio
import hashlib
import itertools
import json
import random
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ipc.messages import Refusal
from recorder import api
from recorder.api import Tally
from recorder.delivery.names import KEY_OBJECT, key_object_key, manifest_key
from recorder.delivery.places import Places, Tenant
from recorder.delivery.sources import HeldSource, OpenedSource, Source
from recorder.delivery.storage import Storage
from recorder.delivery.stores import DirectoryStore
from recorder.errors import Damaged
from recorder.finalizing.outcome import Finished
from recorder.keeping import envelope
from recorder.keeping.keys import SALT, RecordingKeys, derive, owner_of
from recorder.keeping.objects import WHOLE, read_object
from recorder.keeping.rewrapping import Rewrapper, renew_spool
from recorder.wire import cut
from tests.recorder.delivery.test_s3 import a_client, storage
from tests.recorder.offline import RECORDING, Room
from tests.recorder.process import TENANT, start_of
from tests.recorder.test_service import housed
from tests.support.services import Service
from tests.support.tapper import Speaker, batches, speak
from vault.keyring import LocalKeyring, LocalKms
from vault.kms import KeyDestroyed, master_name
from vault.stream import PREFIX, Sealer, StreamKey

__all__ = ["storage"]  # the fixture
NAME = master_name(*TENANT)
ON_ITS_WAY = "eeeeeeeeeeeeeeee0123456789abcdef"
FIRST = "ffffffffffffffff0123456789abcdef"
STRANGER = Tenant("another", "instance")


class Killed(BaseException):
    """As if the process had been killed."""


class MortalStore(DirectoryStore):
    """Dies at the given step, before or after it has had its effect."""

    def __init__(self, root: Path, steps: "Iterator[None]") -> None:
        super().__init__(root)
        self._steps = steps

    async def put(self, key: str, source: Source, replaces: str = "") -> None:
        next(self._steps)
        await super().put(key, source, replaces)
        next(self._steps)

    async def read(self, key: str, start: int, length: int) -> bytes:
        next(self._steps)
        return await super().read(key, start, length)


def dying_at(step: int | None) -> "Iterator[None]":
    for number in itertools.count():
        if number == step:
            raise Killed
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that is delivered, one of the first format, and one on its way; their key has been rotated since."""
    data = tmp_path_factory.mktemp("rewrapping") / "data"
    data.mkdir()
    room = Room(data / "spool", data / "keyring.json")
    made = deliver(room, RECORDING)
    as_first(room, FIRST)
    shutil.rmtree(room.folder / FIRST)
    shutil.rmtree(room.folder / RECORDING)
    room.spool(speak(ON_ITS_WAY, Speaker(0, end=1.0)), recording=ON_ITS_WAY)
    assert made.objects
    room.ring.rotate(NAME)
    return data


@pytest.fixture
def room(data: Path, tmp_path: Path) -> Room:
    shutil.copytree(data, tmp_path / "data")
    return Room(tmp_path / "data" / "spool", tmp_path / "data" / "keyring.json")


def deliver(room: Room, recording: str) -> Finished:
    folder = room.spool(speak(recording, Speaker(0, end=1.0)), recording=recording)
    made = room.finalize(folder)
    assert isinstance(made, Finished)
    room.deliver(folder, made, store_of(room))
    return made


def as_first(room: Room, recording: str) -> None:
    """Delivered by a recorder of the first format."""
    made = deliver(room, recording)
    known, data_key = room.load(room.folder / recording)
    (store_of(room) / key_object_key(known.start.key)).unlink()
    for one in made.objects:
        source = OpenedSource(room.folder / recording / one.file, data_key, {})
        content = "sound" if one.key == known.start.key else "manifest"
        header = envelope.Header(
            content, *owner_of(known.start), secrets.token_bytes(SALT), key_id=known.key_id, wrapped=known.wrapped
        )
        encoded = msgspec.json.encode(header)
        head = envelope.MAGICS[1] + len(encoded).to_bytes(4) + encoded
        key = derive(data_key, header.salt, f"object {content}")
        sealer = Sealer(StreamKey(key, header.salt[:PREFIX], hashlib.sha256(head).digest()))
        body = sealer.write(source.read(0, source.size)) + sealer.finish()
        (store_of(room) / one.key).write_bytes(head + body)


def store_of(room: Room) -> Path:
    return room.folder.parent / "objects"


async def rewrap(room: Room, step: int | None = None, tenant: Tenant | None = None) -> Tally:
    places = Places(room.folder.parent / "places.json", MortalStore(store_of(room), dying_at(step)))
    tally = Tally()
    tenant = tenant or Tenant(*TENANT)
    tally.spool = await renew_spool(room.folder, tenant, room.keys)
    async for _ in Rewrapper(places, room.keys).run(tenant, tally):
        continue
    return tally


def opened(room: Room) -> dict[str, str]:
    """The hash of all that can be read, by a process that knows nothing yet."""
    keys = RecordingKeys(LocalKms(LocalKeyring.open(room.keyring)))
    store = DirectoryStore(store_of(room))

    async def read() -> dict[str, str]:
        found = {}
        async for key in store.list_keys():
            if not key.endswith(KEY_OBJECT):
                found[key] = hashlib.sha256((await read_object(store, keys, key, WHOLE))[0]).hexdigest()
        return found

    found = asyncio.run(read())
    return found | {ON_ITS_WAY: hashlib.sha256(room.load(room.folder / ON_ITS_WAY)[1].reveal()).hexdigest()}


def test_everything_is_under_the_newest_version_and_nothing_else_is_touched(room: Room) -> None:
    before, files = opened(room), contents(room)
    assert len(before) == 5
    tally = asyncio.run(rewrap(room))
    assert (tally.spool, tally.seen, tally.renewed, tally.first, tally.shut, tally.refused) == (1, 3, 3, 2, 0, 0)
    assert opened(room) == before
    assert {key: data for key, data in contents(room).items() if not key.endswith(KEY_OBJECT)} == {
        key: data for key, data in files.items() if not key.endswith(KEY_OBJECT)
    }
    again = asyncio.run(rewrap(room))
    assert (again.spool, again.seen, again.renewed) == (0, 3, 0)
    room.ring.destroy(NAME, "rotated", 1)
    assert opened(room) == before


def contents(room: Room) -> dict[str, bytes]:
    root = store_of(room)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_it_may_be_killed_at_every_step(data: Path, tmp_path: Path) -> None:
    before = None
    for step in itertools.count():
        shutil.copytree(data, tmp_path / str(step))
        room = Room(tmp_path / str(step) / "spool", tmp_path / str(step) / "keyring.json")
        before = before or opened(room)
        try:
            asyncio.run(rewrap(room, step))
            break
        except Killed:
            assert opened(room) == before
        assert asyncio.run(rewrap(room)).refused == 0
        room.ring.destroy(NAME, "rotated", 1)
        assert opened(room) == before
        shutil.rmtree(tmp_path / str(step))
    assert step > 10


def test_the_process_may_be_killed_at_any_time(room: Room) -> None:
    before = opened(room)
    many = [f"{number:032x}" for number in range(150)]
    kept = (store_of(room) / key_object_key(start_of(RECORDING).key)).read_bytes()
    for recording in many:  # a key object tells whose it is, so each must be its own
        owner = owner_of(start_of(recording))
        wrapped = room.ring.generate("other", json.dumps(["telephonist recording", *owner], separators=(",", ":")))
        path = store_of(room) / key_object_key(start_of(recording).key)
        told = json.loads(kept) | owner._asdict() | {"key_id": wrapped.key_id}
        path.write_bytes(msgspec.json.encode(told | {"wrapped": wrapped.wrapped}))
    generator = random.Random(4)
    command = (
        *(sys.executable, "-m", "recorder.keeping.rewrap", "--data", str(room.folder.parent)),
        *("--keyring", str(room.keyring), "--store", str(store_of(room))),
    )
    wanted = json.dumps([{"account": TENANT[0], "instance": TENANT[1]}]).encode()
    killed = 0
    for _ in range(4):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(wanted)
        process.stdin.close()
        time.sleep(generator.uniform(0.5, 1.5))  # anywhere in its work, or before it
        process.kill()
        killed += process.wait() == -9
        process.stdout.close()
        assert opened(room) == before
    told = subprocess.run(command, input=wanted, capture_output=True, check=True).stdout.splitlines()
    last = msgspec.json.decode(told[-1], type=api.RewrapProgress)
    assert (last.over, last.error, last.tally.seen, last.tally.shut) == (True, "", 153, 0)
    assert opened(room) == before
    for version in room.ring.versions():
        if not version.newest or version.name == "other":
            room.ring.destroy(version.name, "rotated", version.version)
    assert opened(room) == before
    assert asyncio.run(rewrap(room)).shut == 0


def test_anothers_keys_are_left_alone(room: Room) -> None:
    files = contents(room)
    tally = asyncio.run(rewrap(room, tenant=STRANGER))
    assert tally == Tally()
    assert contents(room) == files


def test_what_is_damaged_or_destroyed_is_told_and_holds_up_nothing(room: Room) -> None:
    path = store_of(room) / "connect" / ("rubbish" + KEY_OBJECT)
    path.write_bytes(b"{}")
    tally = asyncio.run(rewrap(room))
    assert (tally.renewed, tally.shut) == (3, 1)
    room.ring.destroy(NAME, "the contract is over")
    tally = asyncio.run(rewrap(room))
    assert (tally.renewed, tally.shut) == (0, 4)
    with pytest.raises(KeyDestroyed):
        opened(room)


def test_a_key_object_that_is_missing_or_anothers_opens_nothing(room: Room) -> None:
    key = start_of(RECORDING).key
    path = store_of(room) / key_object_key(key)
    deliver(room, "dddddddddddddddd0123456789abcdef")
    other = store_of(room) / key_object_key(start_of("dddddddddddddddd0123456789abcdef").key)
    for data, reason in ((other.read_bytes(), "another recording's"), (b"", "cannot be read"), (None, "nothing is")):
        path.unlink()
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(Damaged, match=reason):
            asyncio.run(read_object(DirectoryStore(store_of(room)), room.keys, key, WHOLE))
        path.touch()


async def test_a_running_recorder_renews_what_it_holds(tmp_path: Path) -> None:
    room = Room(tmp_path / "spool")
    async with housed(room) as house:
        await house.recorder.handle(start_of(RECORDING))
        for body in batches(speak(RECORDING, Speaker(0, end=1.0))):
            house.spool.append(RECORDING, body)
            for record in cut(body):
                house.recorder.see(record)
        room.ring.rotate(NAME)
        for renewed in (1, 0):
            assert await house.recorder.handle(api.Rewrap(*TENANT)) == api.Rewrapped(renewed)
        assert await house.recorder.handle(api.Rewrap(*STRANGER)) == api.Rewrapped(0)
        room.ring.destroy(NAME, "rotated", 1)
        await house.recorder.handle(api.Seal(RECORDING))
        await house.reached("released")
        chunk = await house.recorder.handle(api.Read(*TENANT, start_of(RECORDING).key, 0, 4))
        assert isinstance(chunk, api.Chunk)
        assert chunk.data == b"RIFF"
        room.ring.destroy(NAME, "the contract is over")
        for command in (
            api.Read(*TENANT, start_of(RECORDING).key, 0, 4),
            api.ReadManifest(*TENANT, start_of(RECORDING).key),
        ):
            with pytest.raises(Refusal, match="was destroyed"):
                await house.recorder.handle(command)


@pytest.mark.usefixtures("s3_credentials")
@pytest.mark.parametrize("lock", ["none", "governance"])
async def test_a_bucket_that_locks_keeps_the_earlier_key_object_as_a_version(
    room: Room, storage: Storage, s3: Service, lock: str
) -> None:
    asked = msgspec.structs.replace(storage, lock=lock, retention_days=1 if lock != "none" else 0)
    places = Places(room.folder.parent / "places.json", DirectoryStore(store_of(room)))
    await places.configure(Tenant(*TENANT), asked)
    store = places.current(Tenant(*TENANT)).store
    key = start_of(RECORDING).key
    for name in (key, manifest_key(key), key_object_key(key)):
        await store.put(name, HeldSource((store_of(room) / name).read_bytes(), {}))
    shutil.rmtree(store_of(room))
    tally = Tally()
    async for _ in Rewrapper(places, room.keys).run(Tenant(*TENANT), tally):
        continue
    assert (tally.seen, tally.renewed, tally.refused) == (1, 1, 0)
    assert tally.locked == (lock != "none")
    room.ring.destroy(NAME, "rotated", 1)
    assert (await read_object(store, room.keys, key, (0, 4)))[0] == b"RIFF"
    async with a_client(s3) as client:
        name = storage.prefix + key_object_key(key)
        versions = (await client.list_object_versions(Bucket=storage.bucket, Prefix=name))["Versions"]
    assert len(versions) == 2
    await places.close()
