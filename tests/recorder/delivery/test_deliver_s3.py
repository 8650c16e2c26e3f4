"""Recordings on their way to a real S3 service through a network that fails."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ipc.messages import Refusal
from recorder import api
from recorder.delivery import breaker, lane
from recorder.delivery.deliver import Delivery
from recorder.delivery.places import Places, Tenant
from recorder.delivery.s3 import Limits
from recorder.delivery.storage import Storage
from recorder.errors import NoSuchObject
from recorder.keeping.library import Library
from recorder.keeping.objects import WHOLE
from recorder.spooling.recording import Recording
from tests.recorder.delivery.test_deliver import Told, sealed
from tests.recorder.delivery.test_s3 import MIB, storage
from tests.recorder.offline import Room
from tests.recorder.process import KEY, TENANT, start_of
from tests.support.fault_proxy import Fault, fault_proxy
from tests.support.services import Service
from tests.support.tapper import Speaker, speak
from vault.aws_sessions import new_session
from vault.kms import master_name

__all__ = ["storage"]

pytestmark = pytest.mark.usefixtures("s3_credentials")
FAULTS: tuple[Fault, ...] = ("refuse", "hang", "cut", "slow", "503", "nonsense")
LIMITS = Limits(connect=0.5, answer=0.3, rate=MIB, part=5 * MIB)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(lane, "FIRST_DELAY", 0.02)
    monkeypatch.setattr(lane, "LONGEST_DELAY", 0.1)
    monkeypatch.setattr(breaker, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(breaker, "LONGEST_PAUSE", 0.1)
    return Room(tmp_path)


@asynccontextmanager
async def delivering(room: Room, places: Places) -> AsyncIterator[tuple[Delivery, Told]]:
    told = Told()
    delivery = Delivery(room.keys, places, told.tell)
    delivery.start()
    yield delivery, told
    await delivery.close()
    await places.close()


async def versions(service: Service, storage: Storage) -> dict[str, int]:
    """How often each key was ever written; the bucket keeps all versions."""
    async with new_session().create_client("s3", endpoint_url=service.url) as client:
        found: dict[str, Any] = await client.list_object_versions(Bucket=storage.bucket, Prefix=storage.prefix)
    names = [version["Key"].removeprefix(storage.prefix) for version in found.get("Versions", ())]
    return {name: names.count(name) for name in names}


async def test_everything_is_delivered_once_when_the_service_is_back(room: Room, storage: Storage, s3: Service) -> None:
    tenant, names = Tenant(*TENANT), [f"{number:032x}" for number in range(len(FAULTS))]
    async with fault_proxy(storage.endpoint) as proxy:
        places = Places.open(room.folder, limits=LIMITS)
        await places.configure(tenant, msgspec.structs.replace(storage, endpoint=proxy.url))
        async with delivering(room, places) as (delivery, told):
            for name, fault in zip(names, FAULTS, strict=True):
                await proxy.set(fault)
                delivery.add(sealed(room, name))
                async with asyncio.timeout(15):
                    while not told.reasons[-1:] or not told.reasons[-1]:
                        told.changed.clear()
                        await told.changed.wait()
                assert (name, "uploaded") not in told.states
                await proxy.set("")
                await told.until(name, "released")
    keys = [KEY.format(name) for name in names]
    assert await versions(s3, storage) == {key: 1 for name in keys for key in (name, f"{name}.json", f"{name}.key")}


async def test_a_trusted_bucket_gets_them_open_under_its_own_key(room: Room, storage: Storage, s3: Service) -> None:
    """And an untrusted one never does: what is not sealed is not read from it."""
    trusted = msgspec.structs.replace(storage, encryption="sse-kms", kms_key="bucket-key")
    name, tenant = "ab" * 16, Tenant(*TENANT)
    places = Places.open(room.folder)
    await places.configure(tenant, trusted)
    async with delivering(room, places) as (delivery, told):
        delivery.add(sealed(room, name))
        await told.until(name, "released")
        reader = await places.reader(tenant, KEY.format(name))
        await reader.open(room.keys)
        assert reader.belongs_to(*TENANT)
        assert not reader.belongs_to("acct", "another")
        assert (await reader.read(0, 4)) == b"RIFF"
        manifest = await places.reader(tenant, KEY.format(name) + ".json")
        await manifest.open(room.keys)
        assert json.loads(await manifest.read(*WHOLE))["recording"] == name
        await places.configure(tenant, storage)
        distrusted = await places.reader(tenant, KEY.format(name))
        with pytest.raises(Exception, match="not a sealed object"):
            await distrusted.open(room.keys)


async def test_others_objects_are_left_alone(room: Room, storage: Storage, s3: Service) -> None:
    name, tenant = "cd" * 16, Tenant(*TENANT)
    key = KEY.format(name)
    async with new_session().create_client("s3", endpoint_url=s3.url) as client:
        await client.put_object(Bucket=storage.bucket, Key=storage.prefix + key, Body=b"somebody else's")
    places = Places.open(room.folder)
    await places.configure(tenant, storage)
    recording = sealed(room, name)
    async with delivering(room, places) as (delivery, told):
        delivery.add(recording)
        await told.until(name, "quarantined")
        assert "key" in recording.journal.reason
        assert await places.current(tenant).store.read(key, 0, 100) == b"somebody else's"
        with pytest.raises(NoSuchObject):
            await places.current(tenant).store.info(f"{key}.json")
    assert (recording.folder / "000000.segment").exists()


async def test_what_was_delivered_before_a_change_of_place_is_still_read(room: Room, storage: Storage) -> None:
    name, tenant = "ef" * 16, Tenant(*TENANT)
    places = Places.open(room.folder)
    async with delivering(room, places) as (delivery, told):
        delivery.add(sealed(room, name))
        await told.until(name, "released")
        await places.configure(tenant, storage)
        reader = await places.reader(tenant, KEY.format(name))
        await reader.open(room.keys)
        assert await reader.read(0, 4) == b"RIFF"


def with_tracks(room: Room, name: str) -> Recording:
    folder = room.spool_as(start_of(name, tracks=True), speak(name, Speaker(0, end=1.0)))
    return Recording(folder, *room.load(folder))


async def test_without_its_key_everything_of_a_recording_is_deleted_all_the_same(room: Room, storage: Storage) -> None:
    """Though its manifest, which names the tracks, cannot be read any more."""
    tenant, names = Tenant(*TENANT), ("56" * 16, "78" * 16)
    for one in (Storage(), storage):
        places = Places.open(room.folder)
        await places.configure(tenant, one)
        async with delivering(room, places) as (delivery, told):
            for name in names:
                delivery.add(with_tracks(room, name))
                await told.until(name, "released")
            store = places.current(tenant).store
            others = [key async for key in store.list_keys() if names[1] in key]
            assert len(others) == 5
            room.ring.destroy(master_name(*TENANT), "the contract is over")
            await Library(room.keys, places, lambda: ()).erase(api.Delete(*TENANT, KEY.format(names[0]), names[0]))
            assert [key async for key in store.list_keys()] == others


async def test_what_is_deleted_is_in_no_version_of_any_object(room: Room, storage: Storage, s3: Service) -> None:
    """Where a lock keeps it, it is out of everybody's way at once, and said not to be deleted yet."""
    tenant, names = Tenant(*TENANT), ("12" * 16, "34" * 16)
    places = Places.open(room.folder)
    library = Library(room.keys, places, lambda: ())
    kept = []
    async with delivering(room, places) as (delivery, told):
        for name, lock in zip(names, ("none", "governance"), strict=True):
            days = 1 if lock != "none" else 0
            await places.configure(tenant, msgspec.structs.replace(storage, lock=lock, retention_days=days))
            delivery.add(with_tracks(room, name))
            await told.until(name, "released")
        for name in names:
            key = KEY.format(name)
            for _ in range(2):
                try:
                    await library.erase(api.Delete(*TENANT, key, name))
                except Refusal as refusal:
                    kept.append((name, refusal.message))
                with pytest.raises(Refusal, match="nothing is stored"):
                    await library.read(api.Read(*TENANT, key, 0, 4))
    assert kept == [(names[1], "the store does not delete it: the bucket refuses us: AccessDenied")] * 2
    left = await versions(s3, storage)
    assert {key.removeprefix(KEY.format(names[1]).removesuffix("wav")) for key in left} == {
        "wav", "wav.json", "wav.key", "other-0.wav", "agent-1.wav",
    }  # fmt: skip
