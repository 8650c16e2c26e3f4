"""Key services as real processes: OpenBao, and moto for AWS. What is remembered, and for how long; and being away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.services import TOKEN, Service, bao, moto_kms, openbao, pause, resume
from vault import remote
from vault.aws import AwsKms
from vault.keyring import LocalKeyring
from vault.kms import KeyUnavailable, KmsAway
from vault.remote import FRESH_SECONDS, KEPT_SECONDS, MAGIC, RemoteKms
from vault.services import Keys, check_keys, open_kms
from vault.transit import Transit

CONTEXT = '["telephonist recording","1","acme"]'


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def bao_kms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with openbao(tmp_path_factory.mktemp("bao") / "data") as service:
        yield service


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with moto_kms(tmp_path_factory.mktemp("moto") / "data") as service:
        yield service


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAO_TOKEN", TOKEN)


@pytest.fixture
def ring(tmp_path: Path) -> LocalKeyring:
    return LocalKeyring.open(tmp_path / "keyring.json")


@pytest.fixture
async def transit(bao_kms: Service, token: None) -> AsyncIterator[Transit]:
    bao(bao_kms, "transit/keys/calls")
    made = Transit(f"{bao_kms.url}/v1/transit")
    yield made
    await made.close()


def clocked(transit: Transit, ring: LocalKeyring, key: str = "calls") -> tuple[RemoteKms, Clock]:
    clock = Clock()
    return RemoteKms(transit, ring, lambda _: key, clock), clock


async def test_a_key_opens_in_its_context_only(transit: Transit, ring: LocalKeyring) -> None:
    made = await clocked(transit, ring)[0].generate("", CONTEXT)
    assert (len(made.plain.reveal()), made.key_id) == (32, "transit/calls")
    assert made.plain.reveal() not in made.wrapped
    other, _ = clocked(transit, ring)
    assert await other.unwrap(made.wrapped, CONTEXT) == made.plain
    for wrapped, context in (
        (made.wrapped, "another"),
        (made.wrapped[:-4] + b"AAA=", CONTEXT),
        (MAGIC + b"\x05calls\xff", CONTEXT),
    ):
        with pytest.raises(KeyUnavailable):
            await clocked(transit, ring)[0].unwrap(wrapped, context)


async def test_keys_of_an_earlier_version_open_after_a_rotation(
    transit: Transit, ring: LocalKeyring, bao_kms: Service
) -> None:
    made = await clocked(transit, ring)[0].generate("", CONTEXT)
    bao(bao_kms, "transit/keys/calls/rotate")
    assert await clocked(transit, ring)[0].unwrap(made.wrapped, CONTEXT) == made.plain
    assert (await clocked(transit, ring)[0].generate("", CONTEXT)).wrapped.startswith(MAGIC + b"\x05callsvault:v2:")


async def test_a_destroyed_key_opens_nothing_within_five_minutes(
    bao_kms: Service, ring: LocalKeyring, token: None
) -> None:
    bao(bao_kms, "transit/keys/doomed")
    transit = Transit(f"{bao_kms.url}/v1/transit")
    kms, clock = clocked(transit, ring, "doomed")
    made = await kms.generate("", CONTEXT)
    bao(bao_kms, "transit/keys/doomed/config", {"deletion_allowed": True})
    bao(bao_kms, "transit/keys/doomed", method="DELETE")
    clock.now = 300.0
    for _ in range(2):
        with pytest.raises(KeyUnavailable):
            await kms.unwrap(made.wrapped, CONTEXT)
    await transit.close()


async def test_a_service_that_is_away(
    transit: Transit, ring: LocalKeyring, bao_kms: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known keys go on for an hour; new ones are wrapped by the keyring, and brought home afterwards."""
    kms, clock = clocked(transit, ring)
    known = await kms.generate("", CONTEXT)
    pause(bao_kms)
    monkeypatch.setattr(remote, "ANSWER_SECONDS", 0.3)
    try:
        clock.now = FRESH_SECONDS + 1
        assert await kms.unwrap(known.wrapped, CONTEXT) == known.plain
        made = await kms.generate("", CONTEXT)
        assert not made.wrapped.startswith(MAGIC)
        assert ring.unwrap(made.wrapped, CONTEXT) == made.plain == await kms.unwrap(made.wrapped, CONTEXT)
        with pytest.raises(KmsAway):
            await kms.bring_home("", made.wrapped, CONTEXT)
        clock.now = KEPT_SECONDS + 1
        with pytest.raises(KmsAway):
            await kms.unwrap(known.wrapped, CONTEXT)
    finally:
        resume(bao_kms)
    monkeypatch.setattr(remote, "ANSWER_SECONDS", 30.0)
    clock.now += remote.AWAY_SECONDS
    async with asyncio.timeout(10):
        home = await kms.bring_home("", made.wrapped, CONTEXT)
    assert home is not None
    assert home.plain == made.plain
    assert home.wrapped.startswith(MAGIC)
    assert await kms.bring_home("", home.wrapped, CONTEXT) is None
    assert await clocked(transit, ring)[0].unwrap(home.wrapped, CONTEXT) == made.plain


async def test_a_token_that_is_refused_and_a_service_that_is_none(
    bao_kms: Service, ring: LocalKeyring, tmp_path: Path, aws: Service
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("wrong")
    for url, file, reason in (
        (bao_kms.url, token_file, "refuses us"),
        (bao_kms.url, tmp_path / "none", "token file"),
        ("http://127.0.0.1:9", token_file, "cannot be reached"),
        (aws.url, token_file, r"answers [45]"),
    ):
        transit = Transit(f"{url}/v1/transit", file)
        with pytest.raises(KmsAway, match=reason):
            await transit.unwrap("calls", b"vault:v1:x", CONTEXT)
        await transit.close()


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "CONFIG_FILE": str(tmp_path / "none")}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


async def test_aws(aws: Service, ring: LocalKeyring, aws_environment: None, tmp_path: Path) -> None:
    admin = AwsKms("us-east-1", aws.url)
    key = (await admin._ask("create_key"))["KeyMetadata"]["KeyId"]
    await admin.close()
    kms = open_kms(Keys(service="aws", key=key, region="us-east-1", endpoint=aws.url), tmp_path / "keyring.json")
    made = await kms.generate("", CONTEXT)
    assert made.wrapped.startswith(MAGIC)
    fresh = RemoteKms(AwsKms("us-east-1", aws.url), ring, lambda _: key)
    assert await fresh.unwrap(made.wrapped, CONTEXT) == made.plain
    for wrapped, context in ((made.wrapped, "another"), (made.wrapped[:-3] + b"abc", CONTEXT)):
        with pytest.raises(KeyUnavailable):
            await fresh.unwrap(wrapped, context)
    missing = AwsKms("us-east-1", aws.url)
    with pytest.raises(KeyUnavailable):
        await missing.wrap("12345678-1234-1234-1234-123456789012", bytes(32), CONTEXT)
    away = AwsKms("us-east-1", "http://127.0.0.1:9")
    with pytest.raises(KmsAway):
        await away.wrap(key, bytes(32), CONTEXT)
    for open_one in (kms, fresh, missing, away):
        await open_one.close()


@pytest.mark.parametrize(
    "keys",
    [
        Keys(service="vault", endpoint="https://bao"),
        Keys(service="vault", key="k", endpoint="bao:8200"),
        Keys(service="vault", key="../x", endpoint="https://bao"),
        Keys(service="vault", key="k", endpoint="https://bao", mount="a/b"),
        Keys(service="aws"),
    ],
)
def test_what_cannot_be_used_is_named(keys: Keys) -> None:
    with pytest.raises(ValueError, match=r"key|endpoint|names"):
        check_keys(keys)
    check_keys(Keys())


async def test_an_instance_with_a_key_of_its_own_is_rotated_rewrapped_and_destroyed(
    bao_kms: Service, tmp_path: Path, token: None
) -> None:
    for name in ("node-key", "acme-key"):
        bao(bao_kms, f"transit/keys/{name}")
    chosen = {"acme-id": "acme-key"}
    keys = Keys(service="vault", key="node-key", instances=chosen, endpoint=bao_kms.url)
    kms, path = open_kms(keys, tmp_path / "keyring.json"), tmp_path / "keyring.json"
    theirs, others = await kms.generate("1/acme-id", CONTEXT), await kms.generate("1/other", CONTEXT)
    assert (theirs.key_id, others.key_id) == ("transit/acme-key", "transit/node-key")
    assert await kms.rewrap("1/acme-id", theirs.wrapped, CONTEXT) is None
    assert (await kms.rotate("1/acme-id")).version == 2
    renewed = await kms.rewrap("1/acme-id", theirs.wrapped, CONTEXT)
    assert renewed is not None
    assert b"vault:v2:" in renewed.wrapped
    moved = await kms.rewrap("1/acme-id", others.wrapped, CONTEXT)  # it had the node's key before
    assert moved is not None
    assert moved.key_id == "transit/acme-key"
    local = LocalKeyring.open(path).generate("1/acme-id", CONTEXT)  # made while the service was away
    brought = await kms.rewrap("1/acme-id", local.wrapped, CONTEXT)
    assert brought is not None
    fresh = open_kms(keys, path)
    for wrapped, plain in (
        (renewed.wrapped, theirs.plain),
        (moved.wrapped, others.plain),
        (brought.wrapped, local.plain),
    ):
        assert await fresh.unwrap(wrapped, CONTEXT) == plain
    told = [(one.name, one.version, one.newest) for one in await kms.versions(["1/acme-id"])]
    assert told[:3] == [("transit/node-key", 1, True), ("transit/acme-key", 1, False), ("transit/acme-key", 2, True)]
    for name, version, reason in (("1/other", None, "whole node's"), ("1/acme-id", 1, "own tools")):
        with pytest.raises(KeyUnavailable, match=reason):
            await kms.destroy(name, "x", version)
    assert len(await kms.destroy("1/acme-id", "the contract is over")) == 2
    for one in (kms, fresh):
        for wrapped in (theirs.wrapped, renewed.wrapped):
            if one is kms or wrapped is theirs.wrapped:
                with pytest.raises(KeyUnavailable):
                    await one.unwrap(wrapped, CONTEXT)
        assert await one.unwrap(others.wrapped, CONTEXT) == others.plain
        await one.close()


async def test_aws_rotates_rewraps_and_destroys(aws: Service, ring: LocalKeyring, aws_environment: None) -> None:
    service = AwsKms("us-east-1", aws.url)
    key = (await service._ask("create_key"))["KeyMetadata"]["KeyId"]
    kms = RemoteKms(service, ring, lambda name: key if name else "none")
    made = await kms.generate("1/acme", CONTEXT)
    assert (await kms.rotate("1/acme")).version == 2
    renewed = await kms.rewrap("1/acme", made.wrapped, CONTEXT)
    assert renewed is not None
    assert renewed.wrapped != made.wrapped
    fresh = RemoteKms(AwsKms("us-east-1", aws.url), ring, lambda _: key)
    assert await fresh.unwrap(renewed.wrapped, CONTEXT) == made.plain == await fresh.unwrap(made.wrapped, CONTEXT)
    await kms.destroy("1/acme", "the contract is over")
    told = await service._ask("describe_key", KeyId=key)
    assert told["KeyMetadata"]["KeyState"] == "PendingDeletion"  # under such a one moto still wraps; AWS does not
    await kms.close()
    await fresh.close()
