import asyncio
import sqlite3
from pathlib import Path

import pytest

from signaling.center.audit import AuditEvent
from signaling.center.resources import Tenant
from signaling.store import Store
from tests.signaling.store.samples import ACME, NAMESAKE, NOON, NUMBER, RIVAL, a_store
from vault.pii import Pii


def an_event(number: int = 0) -> AuditEvent:
    return AuditEvent(
        NOON + number, "user-2", "192.0.2.1", "SearchContacts", "contact", "allowed", {"number": Pii(NUMBER)}
    )


async def fill(store: Store, count: int) -> None:
    for number in range(count):
        await store.audit(ACME, an_event(number))


def tamper(folder: Path, *statements: str) -> None:
    """As somebody would who has the file: triggers are no hindrance to him."""
    connection = sqlite3.connect(folder / "telephonist.db")
    connection.execute("DROP TRIGGER audit_events_no_update")
    connection.execute("DROP TRIGGER audit_events_no_delete")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


async def test_events_come_back_in_order_and_hold(store: Store) -> None:
    await fill(store, 5)
    rows = await store.audit_events(ACME)
    assert [row.sequence for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].event.detail == {"number": "•••"} and rows[4].event.at == NOON + 4
    assert await store.audit_events(ACME, after=3) == rows[3:] and await store.audit_events(ACME, limit=2) == rows[:2]
    check = await store.verify_audit(ACME)
    assert (check.rows, check.head, check.broken) == (5, rows[-1].hash, None)


@pytest.mark.parametrize("other", [RIVAL, NAMESAKE])
async def test_each_tenant_has_a_chain_of_its_own(store: Store, other: Tenant) -> None:
    await fill(store, 2)
    assert await store.audit_events(other) == []
    assert (await store.verify_audit(other)).rows == 0
    await store.audit(other, an_event())
    assert [row.sequence for row in await store.audit_events(other)] == [1]
    assert (await store.verify_audit(ACME)).rows == 2


async def test_events_at_once_make_one_chain(store: Store) -> None:
    await asyncio.gather(*(store.audit(ACME, an_event(number)) for number in range(25)))
    check = await store.verify_audit(ACME)
    assert (check.rows, check.broken) == (25, None)


async def test_two_processes_make_one_chain(tmp_path: Path) -> None:
    async with a_store(tmp_path) as one, a_store(tmp_path) as other:
        await asyncio.gather(*((one, other)[number % 2].audit(ACME, an_event(number)) for number in range(40)))
        check = await one.verify_audit(ACME)
    assert (check.rows, check.broken) == (40, None)


async def test_the_verification_goes_on_past_one_piece(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(store, 7)
    whole = await store.verify_audit(ACME)
    pieces = Store.audit_events

    async def in_twos(self: Store, tenant: object, after: int = 0) -> object:
        return await pieces(self, ACME, after, 2)

    monkeypatch.setattr(Store, "audit_events", in_twos)
    assert await store.verify_audit(ACME) == whole and whole.rows == 7


async def test_the_table_is_append_only(store: Store, tmp_path: Path) -> None:
    await fill(store, 1)
    connection = sqlite3.connect(tmp_path / "telephonist.db")
    for statement in ("UPDATE audit_events SET actor = ''", "DELETE FROM audit_events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor = 'user-9' WHERE sequence = 3",
        "UPDATE audit_events SET outcome = 'refused' WHERE sequence = 3",
        "UPDATE audit_events SET outcome = 'perhaps' WHERE sequence = 3",
        "UPDATE audit_events SET at = 'yesterday' WHERE sequence = 3",
        "UPDATE audit_events SET detail = '{}' WHERE sequence = 3",
        "UPDATE audit_events SET detail = 'rubbish' WHERE sequence = 3",
        "UPDATE audit_events SET detail = '{\"number\": 1}' WHERE sequence = 3",
        "UPDATE audit_events SET hash = x'00' WHERE sequence = 3",
        "UPDATE audit_events SET previous = 'text' WHERE sequence = 3",
        "DELETE FROM audit_events WHERE sequence = 3",
        "UPDATE audit_events SET sequence = 9 WHERE sequence = 3",
    ],
)
async def test_tampering_is_found_at_its_row(store: Store, tmp_path: Path, statement: str) -> None:
    await fill(store, 5)
    tamper(tmp_path, statement)
    check = await store.verify_audit(ACME)
    assert (check.rows, check.broken) == (2, 3)
    assert len(await store.audit_events(ACME)) in (4, 5)


async def test_a_tail_that_was_cut_off_shows_by_the_head_kept_elsewhere(store: Store, tmp_path: Path) -> None:
    await fill(store, 5)
    kept = await store.verify_audit(ACME)
    tamper(tmp_path, "DELETE FROM audit_events WHERE sequence > 3")
    check = await store.verify_audit(ACME)
    assert check.broken is None and check != kept


async def test_no_number_is_in_the_trail(store: Store, tmp_path: Path) -> None:
    await fill(store, 3)
    files = b"".join(file.read_bytes() for file in tmp_path.glob("telephonist.db*"))
    assert NUMBER.removeprefix("+").encode() not in files and b"SearchContacts" in files
