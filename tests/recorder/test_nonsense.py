"""A bucket or a key service that answers nonsense: an error that we have a name for, and nothing of theirs in it."""

import secrets
from collections.abc import Awaitable

import pytest

from recorder.delivery.s3 import Limits, S3Store
from recorder.delivery.storage import Storage
from recorder.errors import BadKey, Damaged, KeyTaken, NoSuchObject, StoreFailed
from tests.recorder.delivery.test_s3 import KEY, Bytes
from tests.support.nonsense import MARK, nonsense
from vault.aws import AwsKms
from vault.kms import KmsError
from vault.transit import Transit

LEFT = "ignore:Exception ignored in. <function (Connection|ClientResponse)\\.:pytest.PytestUnraisableExceptionWarning"
"""Botocore lets go of a response that it cannot parse, and its connection is closed by the collector."""
pytestmark = [pytest.mark.usefixtures("s3_credentials"), pytest.mark.filterwarnings(LEFT)]

ROUNDS = 40
QUICK = Limits(connect=1.0, answer=1.0, rate=1e9, part=5 * 1024 * 1024)
CONTEXT = "a context"


async def outcome(asked: Awaitable[object], *named: type[Exception]) -> object:
    """What it gives; None for an error that is one of those and that tells nothing of the service's own words."""
    try:
        return await asked
    except named as error:
        assert MARK not in str(error)
        assert len(str(error)) < 200
        return None


async def listed(store: S3Store) -> list[str]:
    return [key async for key in store.list_keys()]


@pytest.mark.parametrize("encryption", ["envelope", "both"])
async def test_a_bucket(encryption: str) -> None:
    small, large = Bytes(b"small"), Bytes(secrets.token_bytes(6 * 1024 * 1024))
    named = (StoreFailed, NoSuchObject, KeyTaken, Damaged)
    async with nonsense(seed=1) as url:
        storage = Storage(bucket="calls", endpoint=url, encryption=encryption, kms_key="key")  # type: ignore[arg-type]
        store = S3Store(storage, QUICK)
        for _ in range(ROUNDS):
            await outcome(store.put(KEY, small), *named)
            await outcome(store.info(KEY), *named)
            assert await outcome(store.matches(KEY, small), *named) in (None, False)
            read = await outcome(store.read(KEY, 0, 100), *named)
            assert read is None or (isinstance(read, bytes) and len(read) <= 100)
            await outcome(store.delete(KEY), *named)
            await outcome(store.erase(KEY), *named)
            for key in await outcome(listed(store), *named) or []:  # type: ignore[attr-defined]
                assert ".." not in key
        for _ in range(3):
            await outcome(store.put(KEY, large), *named)
        with pytest.raises(BadKey):
            await store.put("../other/tenant.wav", small)
        await store.close()


async def test_a_key_service() -> None:
    async with nonsense(seed=2) as url:
        for service in (Transit(f"{url}/v1/transit"), AwsKms("eu-central-1", url)):
            for _ in range(ROUNDS):
                for asked in (service.wrap("key", b"plain", CONTEXT), service.unwrap("key", b"wrapped", CONTEXT)):
                    given = await outcome(asked, KmsError)
                    assert given is None or isinstance(given, bytes)
                await outcome(service.rewrap("key", b"vault:v1:x", CONTEXT), KmsError)
                await outcome(service.versions("key"), KmsError)
            await service.close()
