import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from signaling.store import Conflict, Store, StoreUnavailable
from tests.signaling.store.samples import (
    ACME,
    NAMESAKE,
    NOON,
    PASSWORD,
    RIVAL,
    a_directory,
    a_new_store,
    a_record,
    a_store,
)
from vault.keyring import LocalKeyring, LocalKms
from vault.pii import Pii


async def test_directories_come_back_as_they_were_saved(store: Store) -> None:
    def in_order(directory: object) -> list[list[str]]:
        return [
            sorted(map(repr, getattr(directory, field))) for field in ("users", "security_profiles", "trunks", "flows")
        ]

    found = await store.directories()
    assert [directory.tenant for directory in found] == [ACME, NAMESAKE, RIVAL]
    assert in_order(found[0]) == in_order(a_directory(ACME))
    assert [directory.storage for directory in found] == [
        a_directory(tenant).storage for tenant in (ACME, NAMESAKE, RIVAL)
    ]
    assert found[0].recording == a_directory(ACME).recording
    assert found[2].routing_profiles == a_directory(RIVAL).routing_profiles
    assert found[2].queues == a_directory(RIVAL).queues and found[2].numbers == a_directory(RIVAL).numbers
    assert await store.directory(ACME) == found[0]


async def test_saving_a_directory_again_changes_nothing(store: Store) -> None:
    before = await store.directories()
    await store.save_directory(a_directory(ACME))
    assert await store.directories() == before
    assert await store.verify_password("acme", "ada", PASSWORD) is not None


async def test_a_directory_is_saved_whole_or_not_at_all(store: Store) -> None:
    before = await store.directories()
    twin = a_directory(ACME).users[0].__class__("user-3", "ada", "Another Ada", ())
    directory = a_directory(ACME)
    broken = directory.__class__(directory.tenant, users=(twin,), queues=(directory.queues[0].__class__("q", "New"),))
    with pytest.raises(Conflict) as refused:
        await store.save_directory(broken)
    assert "Ada" not in str(refused.value) + str(refused.value.__cause__)
    assert await store.directories() == before


async def test_a_password_opens_one_account_of_one_instance(store: Store) -> None:
    user = await store.verify_password("acme", "ada", PASSWORD)
    assert user is not None and (user.id, user.name) == ("user-1", "Ada of acme")
    for alias in ("rival", "namesake"):
        theirs = await store.verify_password(alias, "ada", PASSWORD)
        assert theirs is not None and theirs.name == f"Ada of {alias}"
    for alias, name, password in [
        ("acme", "ada", "wrong"),
        ("acme", "Ada", PASSWORD.reveal()),
        ("acme", "nobody", PASSWORD.reveal()),
        ("nowhere", "ada", PASSWORD.reveal()),
        ("acme", "ada", "\ud800"),
        ("acme", "ada", ""),
    ]:
        assert await store.verify_password(alias, name, Pii(password)) is None


async def test_passwords_of_trunks_are_sealed_and_their_ids_tell_nothing(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        await store.save_directory(a_directory(ACME), trunk_passwords={"account": Pii("s3cret")})
        await store.save_directory(a_directory(RIVAL), trunk_passwords={"out": Pii("other")})
        await store.save_directory(a_directory(ACME))
        found = await store.trunk_secrets(ACME)
        assert {name: secret.password for name, secret in found.items()} == {
            "local": None, "out": None, "shown": None, "account": Pii("s3cret"),
        }  # fmt: skip
        theirs = await store.trunk_secrets(RIVAL)
        assert theirs["out"].password == Pii("other")
        ids = {secret.id for secret in (*found.values(), *theirs.values())}
        assert len(ids) == 8 and all(len(id) == 16 for id in ids)
        assert await store.trunk_secrets(ACME) == found
    assert b"s3cret" not in b"".join(path.read_bytes() for path in tmp_path.glob("telephonist.db*"))


async def test_who_has_no_password_cannot_sign_in(store: Store) -> None:
    directory = a_directory(ACME)
    user = directory.users[0].__class__("user-3", "eve", "Eve", ())
    await store.save_directory(directory.__class__(ACME, users=(user,)))
    assert await store.verify_password("acme", "eve", Pii("")) is None


async def test_permissions_are_those_of_the_users_profiles(store: Store) -> None:
    user = await store.user(ACME, "ada")
    assert user is not None
    assert await store.permissions(ACME, user) == {"BasicAgentAccess", "OutboundCallAccess", "CallRecordings.Pause"}
    assert await store.permissions(ACME.__class__("9", "9", ""), user) == frozenset()
    assert await store.user(ACME, "nobody") is None
    assert await store.user(NAMESAKE, "ada") != user != await store.user(RIVAL, "ada")
    assert await store.tenant("acme") == ACME and await store.tenant("nowhere") is None


async def test_a_store_opened_again_has_everything(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        await store.save_directory(a_directory(), {"ada": PASSWORD})
        await store.save_contact(a_record())
    async with a_store(tmp_path) as store:
        assert await store.contact(ACME, "contact-1") == a_record()
        assert await store.verify_password("acme", "ada", PASSWORD) is not None


async def test_two_processes_may_open_it_at_once(tmp_path: Path) -> None:
    async with a_store(tmp_path) as one, a_store(tmp_path) as other:
        await one.save_directory(a_directory())
        records = [a_record(f"contact-{number}") for number in range(40)]
        stores = (one, other)
        await asyncio.gather(*(stores[number % 2].save_contact(record) for number, record in enumerate(records)))
        assert len(await other.open_contacts(ACME)) == 0
        assert (
            await other.contact(ACME, "contact-0") == records[0] and await one.contact(ACME, "contact-1") == records[1]
        )


async def test_a_place_that_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    keyring = LocalKms(LocalKeyring.open(tmp_path / "keyring.json"))
    folder = tmp_path / "folder"
    folder.mkdir()
    rubbish = tmp_path / "rubbish.db"
    rubbish.write_bytes(b"this is no database at all, but long enough to be taken for one" * 20)
    for place in (folder, rubbish, tmp_path / "keyring.json" / "x.db"):
        with pytest.raises(StoreUnavailable) as refused:
            await Store.open(place, keyring, lambda: NOON)
        assert "\n" not in str(refused.value)


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    async with a_store(tmp_path):
        pass
    connection = sqlite3.connect(tmp_path / "telephonist.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreUnavailable, match="9999"):
        async with a_store(tmp_path):
            pass


async def test_only_our_user_may_read_the_files(tmp_path: Path) -> None:
    async with a_new_store(tmp_path) as store:
        await store.save_directory(a_directory())
        files = list(tmp_path.glob("telephonist.db*"))
        assert len(files) == 3
        assert {file.stat().st_mode & 0o077 for file in files} == {0}


WRITER = """
import asyncio, sys
from pathlib import Path
from tests.signaling.store.samples import a_directory, a_record, a_store

async def main():
    async with a_store(Path(sys.argv[1])) as store:
        await store.save_directory(a_directory())
        for number in range(100000):
            await store.save_contact(a_record(f"contact-{number}"))
            print(number, flush=True)

asyncio.run(main())
"""


async def test_a_killed_process_loses_no_contact_that_was_saved(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITER,
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert process.stdout is not None
    for _ in range(25):
        await process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    told = 24 + len((await process.stdout.read()).decode().split())
    await process.wait()
    async with a_store(tmp_path) as store:
        assert await store.contact(ACME, f"contact-{told}") == a_record(f"contact-{told}")
        assert await store.contact(ACME, "contact-0") == a_record("contact-0")
