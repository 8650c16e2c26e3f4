"""Rows of many callers in one transaction."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from signaling.store.batch import Batch
from signaling.store.database import Database
from signaling.store.errors import Conflict, StoreError
from signaling.store.tables import instances, qualities, queues


async def opened(folder: Path) -> Database:
    database = await Database.open(folder / "database")
    await database.keep(instances, {"account": "1", "instance": "i", "alias": "acme"})
    return database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await opened(tmp_path)
    yield database
    await database.close()


def row(contact: str, side: str = "agent") -> dict[str, Any]:
    return {"account": "1", "instance": "i", "contact": contact, "side": side, "quality": {}}


async def count(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(qualities))).scalar_one())


async def test_rows_that_come_together_are_written_together(database: Database) -> None:
    begun = 0

    def transaction() -> Any:
        nonlocal begun
        begun += 1
        return database.write()

    batch = Batch(transaction)
    await asyncio.gather(*(batch.keep(qualities, row(f"c-{number}"), "") for number in range(40)))
    assert (begun, await count(database)) == (1, 40)
    await batch.keep(qualities, row("c-1"), "")
    assert (begun, await count(database)) == (2, 40)


async def test_a_row_that_cannot_be_written_costs_no_other(database: Database) -> None:
    orphan = {"account": "1", "instance": "nowhere", "id": "q", "name": "Q"}
    done = await asyncio.gather(
        database.keep(queues, orphan), database.keep(qualities, row("c-1")), return_exceptions=True
    )
    assert isinstance(done[0], Conflict) and done[1] is None
    assert await count(database) == 1
    with pytest.raises(StoreError):
        await database.keep(queues, orphan)


async def test_what_waits_is_written_before_the_database_closes(tmp_path: Path) -> None:
    database = await opened(tmp_path)
    waiting = asyncio.create_task(database.keep(qualities, row("c-1")))
    await asyncio.sleep(0)
    await database.close()
    await waiting
    again = await opened(tmp_path)
    assert await count(again) == 1
    await again.close()


async def test_a_caller_who_goes_away_takes_nothing_with_him(database: Database) -> None:
    leaving = asyncio.create_task(database.keep(qualities, row("c-1")))
    await asyncio.sleep(0)
    leaving.cancel()
    await database.keep(qualities, row("c-2"))
    assert await count(database) == 2
