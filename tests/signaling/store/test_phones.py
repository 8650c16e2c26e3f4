from pathlib import Path

import msgspec
import pytest

from signaling.center.resources import Phone
from signaling.sip.registering.digest import Account, make_secrets
from signaling.store import Store
from signaling.store.phones import KeptBinding, seal_secrets, unseal_secrets
from tests.signaling.store.samples import ACME, NOON, RIVAL, Clock, a_directory, a_store
from vault.fields import FieldDamaged, FieldKey
from vault.pii import Pii

PASSWORD = "xyzzy-plugh"
DESK = Phone("desk", "user-1", codecs=("PCMU",), auto_answer=True, calls=True)
BINDING = KeptBinding(
    "k", "sip:desk@192.0.2.7", "192.0.2.7", 5062, "198.51.100.1", 5060, "call", 7, NOON + 60, NOON, "<urn:uuid:1>", 1
)


async def save(store: Store, password: str | None, phone: Phone = DESK) -> None:
    directory = msgspec.structs.replace(a_directory(ACME), phones=(phone,))
    await store.save_directory(directory, {}, {} if password is None else {phone.name: Pii(password)})


async def test_a_phone_comes_back_as_it_was_saved(store: Store) -> None:
    await save(store, PASSWORD)
    assert (await store.directory(ACME)).phones == (DESK,)
    assert (await store.directory(RIVAL)).phones == ()


async def test_passwords_are_kept_as_what_verifies_them_and_sealed(store: Store, tmp_path: Path) -> None:
    await save(store, PASSWORD)
    secrets = make_secrets(Account("desk", PASSWORD), ACME.alias)
    assert await store.phone_secrets(ACME) == {"desk": secrets}
    assert await store.phone_secrets(RIVAL) == {}
    await save(store, None, msgspec.structs.replace(DESK, calls=False))
    assert await store.phone_secrets(ACME) == {"desk": secrets}
    written = b"".join(path.read_bytes() for path in tmp_path.glob("telephonist.db*"))
    assert all(value.encode() not in written for value in (PASSWORD, *secrets.values()))


async def test_a_phone_without_a_password_has_no_secrets(store: Store) -> None:
    await save(store, None)
    assert await store.phone_secrets(ACME) == {}


async def test_an_instance_may_be_new(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        await save(store, PASSWORD)
        assert set(await store.phone_secrets(ACME)) == {"desk"}


def test_secrets_open_for_their_phone_only() -> None:
    key = FieldKey(bytes(16), Pii(bytes(32)))
    sealed = seal_secrets(key, ACME, "desk", Pii("secret"))
    assert unseal_secrets(key, ACME, "desk", sealed)["MD5"]
    with pytest.raises(FieldDamaged):
        unseal_secrets(key, ACME, "hall", sealed)


async def test_bindings_are_replaced_whole_and_outlive_the_process(store: Store, tmp_path: Path, clock: Clock) -> None:
    other = msgspec.structs.replace(BINDING, key="other", expires=NOON + 30)
    await store.save_bindings({(ACME, "desk"): [BINDING, other], (RIVAL, "desk"): [BINDING]})
    assert {one.key for one in (await store.bindings(ACME, NOON))["desk"]} == {"k", "other"}
    assert await store.bindings(ACME, NOON + 45) == {"desk": [BINDING]}
    await store.save_bindings({(ACME, "desk"): []})
    async with a_store(tmp_path, clock) as again:
        assert await again.bindings(ACME, NOON) == {}
        assert await again.bindings(RIVAL, NOON) == {"desk": [BINDING]}
