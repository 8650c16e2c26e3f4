"""A real S3 service, and the same behind a network that fails."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from recorder.delivery.s3 import Limits, S3Store
from recorder.delivery.storage import Storage
from recorder.errors import BadKey, KeyTaken, NoSuchObject, StoreFailed
from tests.support.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.support.services import Service
from vault.aws_sessions import new_session

pytestmark = pytest.mark.usefixtures("s3_credentials")

MIB = 1024 * 1024
BUCKET = "telephonist-tests"
QUICK = Limits(connect=1.0, answer=0.5, rate=4 * MIB, part=5 * MIB)
KEY = "connect/acme/CallRecordings/2026/11/23/0123_20261123T10:00_UTC.wav"


@dataclass
class Bytes:
    """A source in memory."""

    data: bytes
    labels: dict[str, str] = field(default_factory=lambda: {"recording": "0123"})

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, start: int, length: int) -> bytes:
        return self.data[start : start + length]


@asynccontextmanager
async def a_client(service: Service) -> AsyncIterator[Any]:
    async with new_session().create_client("s3", endpoint_url=service.url) as client:
        yield client


@pytest.fixture
async def storage(s3: Service) -> Storage:
    """A prefix of its own in a bucket whose objects may be locked."""
    async with a_client(s3) as client:
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            await client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    return Storage(bucket=BUCKET, prefix=f"tests/{secrets.token_hex(8)}/", endpoint=s3.url)


async def uploads(client: Any, storage: Storage) -> list[Any]:
    """Those that are neither completed nor aborted."""
    found = await client.list_multipart_uploads(Bucket=storage.bucket, Prefix=storage.prefix)
    return list(found.get("Uploads", []))


@asynccontextmanager
async def a_store(storage: Storage, limits: Limits | None = None) -> AsyncIterator[S3Store]:
    store = S3Store(storage, limits)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(storage: Storage) -> AsyncIterator[S3Store]:
    async with a_store(storage, Limits(part=5 * MIB)) as made:
        yield made


@pytest.mark.parametrize("size", [0, 5 * MIB, 11 * MIB])
async def test_put_read_back_replace_delete(store: S3Store, size: int) -> None:
    source = Bytes(secrets.token_bytes(size))
    await store.put(KEY, source)
    found = await store.info(KEY)
    assert found[:2] == (size, {"recording": "0123"})
    assert await store.matches(KEY, source)
    assert not await store.matches(KEY, Bytes(source.data[:-1] + b"?"))
    if size:
        assert await store.read(KEY, size - 5, 100) == source.data[-5:]
    assert await store.read(KEY, size + 100, 5) == b""
    with pytest.raises(KeyTaken):
        await store.put(KEY, Bytes(b"another" * 10))
    assert await store.matches(KEY, source)
    await store.put(KEY, Bytes(b"new"), found.tag)
    assert await store.read(KEY, 0, 10) == b"new"
    with pytest.raises(KeyTaken):
        await store.put(KEY, Bytes(b"newer"), found.tag)
    assert await store.read(KEY, 0, 10) == b"new"
    await store.delete(KEY)
    await store.delete(KEY)
    for work in (store.info(KEY), store.read(KEY, 0, 1), store.matches(KEY, source)):
        with pytest.raises(NoSuchObject):
            await work


@pytest.mark.parametrize("key", ["../x", "a\0b"])
async def test_bad_keys_touch_nothing(store: S3Store, key: str) -> None:
    for work in (store.put(key, Bytes(b"x")), store.read(key, 0, 1), store.delete(key), store.info(key)):
        with pytest.raises(BadKey):
            await work
    assert [name async for name in store.list_keys()] == []


async def test_all_keys_are_listed_by_pages_without_the_prefix(store: S3Store, s3: Service, storage: Storage) -> None:
    for name in ("b", "a", "c/d"):
        await store.put(name, Bytes(b"x"))
    async with a_client(s3) as client:
        for name in ("elsewhere", f"{storage.prefix}odd.new"):
            await client.put_object(Bucket=storage.bucket, Key=name, Body=b"x")
    assert [name async for name in store.list_keys()] == ["a", "b", "c/d"]
    assert [name async for name in store.list_keys("c/")] == ["c/d"]


@pytest.mark.parametrize("size", [10, 6 * MIB])
async def test_the_service_encrypts_locks_and_tags(storage: Storage, s3: Service, size: int) -> None:
    asked = msgspec.structs.replace(
        storage,
        encryption="sse-kms",
        kms_key="bucket-key",
        lock="governance",
        retention_days=3,
        tags={"team": "voice & more"},
    )
    source = Bytes(secrets.token_bytes(size))
    async with a_store(asked, Limits(part=5 * MIB)) as store, a_client(s3) as client:
        await store.put(KEY, source)
        assert await store.matches(KEY, source)
        assert await store.read(KEY, 0, size) == source.data
        name = {"Bucket": storage.bucket, "Key": f"{storage.prefix}{KEY}"}
        head = await client.head_object(**name)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "bucket-key")
        tags = (await client.get_object_tagging(**name))["TagSet"]
        assert tags == [{"Key": "team", "Value": "voice & more"}]
        assert head["ObjectLockMode"] == "GOVERNANCE"
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            await client.delete_object(**name, VersionId=head["VersionId"])


async def versions(client: Any, storage: Storage) -> list[str]:
    """What there is under the storage's prefix, in any version, deleted or not."""
    found = await client.list_object_versions(Bucket=storage.bucket, Prefix=storage.prefix)
    return [entry["Key"] for entry in (*found.get("Versions", ()), *found.get("DeleteMarkers", ()))]


async def test_what_is_erased_is_there_in_no_version(store: S3Store, s3: Service, storage: Storage) -> None:
    """The bucket keeps versions, as every bucket does whose objects may be locked."""
    await store.put(KEY, Bytes(b"first"))
    await store.put(KEY, Bytes(b"second"), (await store.info(KEY)).tag)
    await store.put(f"{KEY}.json", Bytes(b"another's, whose name begins like it"))
    async with a_client(s3) as client:
        await store.delete(KEY)
        assert len(await versions(client, storage)) == 4
        for _ in range(2):
            await store.erase(KEY)
            assert await versions(client, storage) == [f"{storage.prefix}{KEY}.json"]
        unversioned = msgspec.structs.replace(storage, bucket="telephonist-unversioned")
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            await client.create_bucket(Bucket=unversioned.bucket)
        async with a_store(unversioned) as plain:
            await plain.put(KEY, Bytes(b"only"))
            await plain.erase(KEY)
            await plain.erase(KEY)
            assert await versions(client, unversioned) == []


async def test_what_is_locked_is_erased_when_the_lock_has_ended(storage: Storage, s3: Service) -> None:
    locked = msgspec.structs.replace(storage, lock="governance", retention_days=1)
    async with a_store(locked) as store, a_client(s3) as client:
        await store.put(KEY, Bytes(b"evidence"))
        version = (await client.head_object(Bucket=storage.bucket, Key=f"{storage.prefix}{KEY}"))["VersionId"]
        for _ in range(2):
            with pytest.raises(StoreFailed, match="refuses us"):
                await store.erase(KEY)
            with pytest.raises(NoSuchObject):
                await store.info(KEY)
        name = {"Bucket": storage.bucket, "Key": f"{storage.prefix}{KEY}", "VersionId": version}
        await client.delete_object(**name, BypassGovernanceRetention=True)
        await store.erase(KEY)
        assert await versions(client, storage) == []


async def test_what_an_interrupted_upload_left_is_removed(storage: Storage, s3: Service) -> None:
    class Broken(Bytes):
        def read(self, start: int, length: int) -> bytes:
            if start:
                raise OSError("the disk is gone")
            return super().read(start, length)

    async with a_store(storage, Limits(part=5 * MIB)) as store, a_client(s3) as client:
        name = {"Bucket": storage.bucket, "Key": f"{storage.prefix}{KEY}"}
        await client.create_multipart_upload(**name)
        with pytest.raises(OSError, match="the disk"):
            await store.put(KEY, Broken(bytes(6 * MIB)))
        assert await uploads(client, storage) == []
        with pytest.raises(NoSuchObject):
            await store.info(KEY)


async def test_a_bucket_or_credentials_that_are_wrong_are_said(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    async with a_store(storage) as store:
        with pytest.raises(StoreFailed, match="refuses us: SignatureDoesNotMatch"):
            await store.put(KEY, Bytes(b"x"))
    async with a_store(msgspec.structs.replace(storage, credentials="nobody")) as store:
        with pytest.raises(StoreFailed, match="cannot be used: ProfileNotFound"):
            await store.put(KEY, Bytes(b"x"))
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    async with a_store(storage) as store:
        with pytest.raises(StoreFailed, match="no credentials"):
            await store.put(KEY, Bytes(b"x"))


@asynccontextmanager
async def behind(storage: Storage) -> AsyncIterator[tuple[S3Store, S3Store, FaultProxy]]:
    """A patient store and a hasty one behind a proxy: on a loaded machine what works, or fails by an answer, may take
    its time."""
    async with fault_proxy(storage.endpoint) as proxy:
        there = msgspec.structs.replace(storage, endpoint=proxy.url)
        async with a_store(there, Limits(part=5 * MIB)) as patient, a_store(there, QUICK) as hasty:
            yield patient, hasty, proxy


FAULTS: dict[Fault, str] = {
    "refuse": "cannot be reached",
    "hang": "in time",
    "cut": "cannot be reached",
    "slow": "in time",
    "503": "503: SlowDown",
    "nonsense": "nonsense|answers|cannot be",
}


@pytest.mark.parametrize(
    ("fault", "size"),
    [
        ("refuse", 100_000),
        ("hang", 6 * MIB),
        ("cut", 6 * MIB),
        ("slow", 100_000),
        ("503", 6 * MIB),
        ("nonsense", 6 * MIB),
    ],
)
async def test_a_network_that_fails_is_told_and_nothing_is_half_there(
    storage: Storage, s3: Service, fault: Fault, size: int
) -> None:
    source = Bytes(secrets.token_bytes(size))
    async with behind(storage) as (store, hasty, proxy), a_client(s3) as client:
        await store.put("before", Bytes(b"x"))
        await proxy.set(fault)
        with pytest.raises(StoreFailed, match=FAULTS[fault]):
            await (hasty if FAULTS[fault] == "in time" else store).put(KEY, source)
        assert proxy.faults or fault == "refuse"
        await proxy.set("")
        with pytest.raises(NoSuchObject):
            await store.info(KEY)
        await store.put(KEY, source)
        assert await store.matches(KEY, source)
        assert await uploads(client, storage) == []


async def test_nothing_is_read_or_deleted_through_a_network_that_fails(storage: Storage) -> None:
    faults: tuple[Fault, ...] = ("refuse", "hang", "503", "nonsense")
    async with behind(storage) as (store, hasty, proxy):
        await store.put(KEY, Bytes(bytes(1000)))
        for fault in faults:
            await proxy.set(fault)
            for work in (hasty.info(KEY), hasty.read(KEY, 0, 10), hasty.delete(KEY)):
                with pytest.raises(StoreFailed):
                    await work
        await proxy.set("")
        assert await store.read(KEY, 0, 10) == bytes(10)


async def test_a_store_that_is_cancelled_leaves_no_upload(storage: Storage, s3: Service) -> None:
    async with behind(storage) as (store, _, _), a_client(s3) as client:
        await store.put("before", Bytes(b"x"))
        putting = asyncio.create_task(store.put(KEY, Bytes(bytes(20 * MIB))))
        while not await uploads(client, storage):
            await asyncio.sleep(0.01)
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        assert await uploads(client, storage) == []
