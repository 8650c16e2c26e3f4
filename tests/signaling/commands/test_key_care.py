"""`telephonist keys …` on data directories, with the store of a node open beside it where that matters."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result

from signaling.center.audit import NOWHERE
from signaling.commands.cli import main
from signaling.commands.upkeep import opened
from signaling.node.places import Places
from signaling.store import Store
from tests.signaling.store.samples import ACME, NAMESAKE, a_directory, a_record, cheap
from vault import protection
from vault.protection import Kind, Protection

Found = TypeVar("Found")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A node's data with two instances and a contact each."""
    monkeypatch.setattr("signaling.store.store.Passwords", cheap)
    places = Places(tmp_path / "d")
    places.keyring.parent.mkdir(parents=True)

    async def fill(store: Store) -> None:
        for tenant in (ACME, NAMESAKE):
            await store.save_directory(a_directory(tenant), {})
            await store.save_contact(a_record(tenant=tenant))

    within(places, fill)
    return places


def within(places: Places, work: Callable[[Store], Awaitable[Found]]) -> Found:
    async def run() -> Found:
        async with opened(places) as store:
            return await work(store)

    return asyncio.run(run())


def keys(places: Places, *words: str) -> Result:
    return CliRunner().invoke(main, ["keys", *words, "--data", str(places.data)])


def customer(places: Places, alias: str = "acme") -> str:
    tenant = ACME if alias == "acme" else NAMESAKE

    async def read(store: Store) -> str:
        record = await store.contact(tenant, "contact-1")
        assert record is not None
        return record.customer.reveal()

    return within(places, read)


def test_every_instance_has_a_key_which_is_listed_and_rotated(places: Places) -> None:
    told = keys(places, "list")
    assert told.exit_code == 0
    lines = [line.split() for line in told.output.splitlines()]
    assert [(line[0], line[1], " ".join(line[5:])) for line in lines] == [
        ("acme", "v1", "wraps and opens"),
        ("namesake", "v1", "wraps and opens"),
    ]
    assert keys(places, "rotate", "acme").output.startswith("acme: version 2 (01")
    lines = [line.split() for line in keys(places, "list").output.splitlines()]
    assert [(line[0], line[1], " ".join(line[5:])) for line in lines[:2]] == [
        ("acme", "v1", "opens"),
        ("acme", "v2", "wraps and opens"),
    ]
    assert customer(places) == customer(places, "namesake") != ""


def test_data_keys_are_wrapped_anew_wherever_it_is_cut_off(places: Places) -> None:
    keys(places, "rotate", "acme")

    async def some(store: Store) -> int:
        """Killed after the first."""
        async for renewed in store.rewrap_keys(ACME):
            return renewed
        return 0

    async def all(store: Store) -> list[bool]:
        return [renewed async for renewed in store.rewrap_keys(ACME)]

    assert within(places, some) == 1
    assert within(places, all) == [False, True]  # the day's and the index's
    assert within(places, all) == [False, False]
    assert keys(places, "destroy", "acme", "--version", "1", "--reason", "rotated", "--yes").exit_code == 0
    assert customer(places) == customer(places, "namesake") != ""


def test_a_running_store_goes_on_when_the_version_it_knew_is_destroyed(places: Places) -> None:
    async def run(store: Store) -> str:
        before = await store.contact(ACME, "contact-1")
        await asyncio.to_thread(keys, places, "rotate", "acme")
        assert [renewed async for renewed in store.rewrap_keys(ACME)] == [True, True]
        await asyncio.to_thread(keys, places, "destroy", "acme", "--version", "1", "--reason", "old", "--yes")
        assert await store.contact(ACME, "contact-1") == before
        await store.save_contact(a_record("contact-2"))
        again = await store.contact(ACME, "contact-2")
        assert again is not None
        return again.customer.reveal()

    assert within(places, run) != ""


def test_what_a_destroyed_key_wrapped_is_gone_and_the_instance_goes_on(places: Places) -> None:
    async def run(store: Store) -> None:
        known = await store.contact(ACME, "contact-1")
        assert known is not None
        assert known.customer.reveal()
        told = await asyncio.to_thread(keys, places, "destroy", "acme", "--reason", "the contract is over", "--yes")
        assert told.output.startswith("acme: version 1 ("), told.output
        gone = await store.contact(ACME, "contact-1")
        assert gone is not None
        assert (gone.customer.reveal(), gone.attributes) == ("", {})
        await store.save_contact(a_record("contact-2"))
        new = await store.contact(ACME, "contact-2")
        assert new is not None
        assert new.customer.reveal()
        (row,) = await store.audit_of(ACME, f"key/{ACME.instance}")
        assert (row.event.action, row.event.outcome) == ("DestroyMasterKey", "allowed")
        assert row.event.detail == {"reason": "the contract is over", "version": "all"}

    within(places, run)
    assert customer(places) == ""
    assert customer(places, "namesake") != ""
    assert "destroyed 20" in keys(places, "list").output


def test_what_cannot_be_done_is_said_and_in_the_trail(places: Places) -> None:
    for words, said in (
        (("rotate", "nobody"), "there is no instance nobody"),
        (("rotate", ACME.instance), "there is no instance"),  # two accounts have this id
        (("destroy", "acme", "--version", "9", "--reason", "x", "--yes"), "no such version"),
        (("destroy", "node", "--reason", "x", "--yes"), "no such version"),
    ):
        told = keys(places, *words)
        assert (told.exit_code, said in told.output) == (2, True), told.output
    assert keys(places, "destroy", "acme", "--reason", "x").exit_code == 1  # asked, and not answered
    assert customer(places)

    async def trail(store: Store) -> list[str]:
        return [row.event.outcome for row in await store.audit_of(NOWHERE, "key/node")]

    assert within(places, trail) == ["refused", "allowed"]
    told = CliRunner().invoke(main, ["keys", "list", "--data", str(places.data / "none")])
    assert (told.exit_code, "there is no node's data" in told.output) == (2, True)


def test_the_keyring_is_shut_by_passphrase_and_key_file(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick(kind: Kind) -> Protection:
        return Protection(kind, bytes(16), 1, 8, 1) if kind != "none" else Protection()

    monkeypatch.setattr("vault.keyring.new_protection", quick)
    file = tmp_path / "passphrase"
    file.write_text("correct horse battery")
    told = keys(places, "protect", "--with-passphrase-file", str(file))
    assert (told.exit_code, "chmod 600" in told.output) == (2, True)
    file.chmod(0o600)
    assert keys(places, "protect", "--with-passphrase-file", str(file)).exit_code == 0
    assert "wants its passphrase" in keys(places, "list").output
    assert keys(places, "list", "--passphrase-file", str(file)).exit_code == 0
    monkeypatch.setenv(protection.PASSPHRASE, "correct horse battery")
    assert customer(places)
    made = tmp_path / "key"
    assert keys(places, "protect", "--with-key-file", str(made)).exit_code == 0
    assert (made.stat().st_mode & 0o777, made.stat().st_size) == (0o600, 32)
    assert keys(places, "list", "--key-file", str(made)).exit_code == 0
    assert keys(places, "protect", "--with-nothing", "--key-file", str(made)).exit_code == 0
    assert customer(places)
    assert keys(places, "protect").exit_code == 2


def test_no_key_is_destroyed_that_the_trail_cannot_tell_of(places: Places) -> None:
    connection = sqlite3.connect(places.database)
    connection.execute("CREATE TRIGGER no BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'no'); END")
    connection.commit()
    connection.close()
    told = keys(places, "destroy", "acme", "--reason", "x", "--yes")
    assert (told.exit_code, "audit trail cannot be written" in told.output) == (2, True)
    assert customer(places)
