import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from signaling.center.resources import Tenant
from signaling.store import Conflict, Store
from tests.signaling.store.samples import (
    ACME,
    DAY,
    NAMESAKE,
    NOON,
    NUMBER,
    RIVAL,
    a_directory,
    a_record,
    a_recording,
    a_store,
)
from vault.pii import Pii


@contextmanager
def raw(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database as somebody with the file has it."""
    connection = sqlite3.connect(folder / "telephonist.db")
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


async def test_a_record_comes_back_as_it_was_saved(store: Store) -> None:
    for record in (
        a_record(recording=a_recording()),
        a_record("bare", queue=None, agent=None, attributes={}, completed=None, customer=Pii("")),
        a_record("odd", customer=Pii("Jürgen 😀 \udc80"), attributes={"ключ": Pii("\udc80"), "": Pii("")}),
    ):
        await store.save_contact(record)
        assert await store.contact(ACME, record.contact) == record
    assert await store.contact(ACME, "unknown") is None


async def test_an_older_record_does_not_replace_a_newer(store: Store) -> None:
    await store.save_contact(a_record(updated=NOON + 2, disconnect_reason="OTHER"))
    await store.save_contact(a_record(updated=NOON + 1))
    assert (await store.contact(ACME, "contact-1")) == a_record(updated=NOON + 2, disconnect_reason="OTHER")
    await store.save_contact(a_record(updated=NOON + 2, disconnect_reason="BARGED"))
    found = await store.contact(ACME, "contact-1")
    assert found is not None and found.disconnect_reason == "BARGED"


async def test_saves_at_once_leave_the_newest(store: Store) -> None:
    saves = [a_record(updated=NOON + number, agent_connection_attempts=number) for number in range(30)]
    await asyncio.gather(*(store.save_contact(record) for record in saves[::2] + saves[::-2]))
    assert await store.contact(ACME, "contact-1") == saves[-1]


async def test_open_contacts_are_those_not_completed_oldest_first(store: Store) -> None:
    for number, completed in enumerate((None, NOON, None)):
        await store.save_contact(a_record(f"contact-{number}", initiated=NOON - number, completed=completed))
    assert [record.contact for record in await store.open_contacts(ACME)] == ["contact-2", "contact-0"]
    assert await store.open_contacts(RIVAL) == []


async def test_contacts_of_an_instance_that_is_not_there_are_refused(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.save_contact(a_record(tenant=msgspec.structs.replace(ACME, instance="nowhere")))


@pytest.mark.parametrize("other", [RIVAL, NAMESAKE])
async def test_nobody_reaches_anothers_contacts(store: Store, other: Tenant) -> None:
    await store.save_contact(a_record(tenant=ACME, customer=Pii("+1")))
    await store.save_contact(a_record(tenant=other, customer=Pii("+2")))
    await store.save_contact(a_record("acmes", completed=None))
    for tenant, number in ((ACME, "+1"), (other, "+2")):
        found = await store.contact(tenant, "contact-1")
        assert found is not None and found.customer == Pii(number)
    assert await store.contact(other, "acmes") is None
    assert await store.open_contacts(other) == []


async def test_nothing_personal_is_in_the_files(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        await store.save_directory(a_directory())
        for number in range(30):
            await store.save_contact(a_record(f"contact-{number}", recording=a_recording()))
        await store.save_contact(a_record("out", initiation_method="OUTBOUND", system="+4930123456"))
        files = b"".join(file.read_bytes() for file in tmp_path.glob("telephonist.db*"))
    digits = NUMBER.removeprefix("+")
    for text in (
        NUMBER,
        digits,
        digits[2:],
        "0" + digits[2:],
        "0171 9876543",
        "171-987-6543",
        "4930123456",
        "KX-4711",
        "policy",
    ):
        for notation in (text.encode(), text.encode("utf-16-le"), text.encode().hex().encode(), text[::-1].encode()):
            assert notation not in files, text
    assert int(digits).to_bytes(8) not in files
    assert b"contact-29" in files


async def test_a_moved_field_stays_shut_and_is_told(store: Store, tmp_path: Path) -> None:
    await store.save_contact(a_record("victim"))
    await store.save_contact(a_record("other", customer=Pii("+1555")))
    with raw(tmp_path) as database:
        database.execute("UPDATE contacts SET customer = (SELECT customer FROM contacts WHERE contact = 'other')")
        database.execute("UPDATE contacts SET system = x'00' WHERE contact = 'other'")
    with capture_logs() as logs:
        victim, other = await store.contact(ACME, "victim"), await store.contact(ACME, "other")
    assert victim == a_record("victim", customer=Pii(""))
    assert other == a_record("other", customer=Pii("+1555"), system="")
    assert [(log["row"], log["column"]) for log in logs] == [("victim", "customer"), ("other", "system")]


async def test_what_a_destroyed_key_sealed_is_gone(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        await store.save_directory(a_directory())
        await store.save_contact(a_record("old", initiated=NOON - DAY))
        await store.save_contact(a_record("new"))
    with raw(tmp_path) as database:
        periods = {period for (period,) in database.execute("SELECT period FROM data_keys WHERE purpose = 'fields'")}
        assert periods == {"2026-11-22", "2026-11-23"}
        database.execute("DELETE FROM data_keys WHERE period = '2026-11-22'")
    async with a_store(tmp_path) as store:
        gone = a_record("old", initiated=NOON - DAY, customer=Pii(""), system="", attributes={}, diverted_from=Pii(""))
        assert await store.contact(ACME, "old") == gone
        assert await store.contact(ACME, "new") == a_record("new")


@pytest.mark.parametrize("other", [RIVAL, NAMESAKE])
async def test_a_record_moved_to_another_tenant_stays_shut(store: Store, tmp_path: Path, other: Tenant) -> None:
    await store.save_contact(a_record(tenant=ACME))
    with raw(tmp_path) as database:
        database.execute("UPDATE contacts SET account = ?, instance = ?", (other.account, other.instance))
    found = await store.contact(other, "contact-1")
    assert found is not None and found.customer == Pii("")


async def test_many_at_once_make_one_key_a_day(store: Store, tmp_path: Path) -> None:
    await asyncio.gather(*(store.save_contact(a_record(f"contact-{number}")) for number in range(20)))
    with raw(tmp_path) as database:
        rows = database.execute("SELECT purpose, period FROM data_keys ORDER BY purpose").fetchall()
    assert rows == [("fields", "2026-11-23"), ("index", "")]
