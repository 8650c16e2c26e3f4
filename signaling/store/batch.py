"""Rows of many callers in one transaction: while one is on its way to the disk, the next ones gather."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from signaling.store.upsert import upsert_all

MOST = 500
"""Rows of one transaction."""
GATHER_SECONDS = 0.02
"""That the first row waits for others: a transaction costs more than its rows."""


class _Place(NamedTuple):
    """What rows of one statement have in common."""

    table: Table
    columns: tuple[str, ...]
    newer: str


class _Kept(NamedTuple):
    place: _Place
    row: dict[str, Any]
    done: asyncio.Future[None]


class Batch:
    """`transaction`: begins one; it is on disk at its end."""

    def __init__(self, transaction: Callable[[], AbstractAsyncContextManager[AsyncConnection]]) -> None:
        self._transaction = transaction
        self._waiting: deque[_Kept] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, table: Table, row: dict[str, Any], newer: str) -> None:
        """Until the row is on disk. Raises what the transaction raises; a row that fails costs no other."""
        loop = asyncio.get_running_loop()
        kept = _Kept(_Place(table, tuple(row), newer), row, loop.create_future())
        self._waiting.append(kept)
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write())
        await kept.done

    async def close(self) -> None:
        """Until everything that waits is written, or has failed."""
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            rows = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            try:
                await self._write_together(rows)
            except Exception as error:  # the caller's to handle, whatever it is
                if len(rows) == 1:
                    _fail(rows[0], error)
                else:
                    await self._write_each(rows)

    async def _write_each(self, rows: list[_Kept]) -> None:
        for kept in rows:
            try:
                await self._write_together([kept])
            except Exception as error:
                _fail(kept, error)

    async def _write_together(self, rows: list[_Kept]) -> None:
        async with self._transaction() as connection:
            ordered = sorted(rows, key=lambda kept: (kept.place.table.name, kept.place.columns))
            for place, group in groupby(ordered, key=lambda kept: kept.place):
                await upsert_all(connection, place.table, [kept.row for kept in group], place.newer)
        for kept in rows:
            if not kept.done.done():
                kept.done.set_result(None)


def _fail(kept: _Kept, error: Exception) -> None:
    if not kept.done.done():
        kept.done.set_exception(error)
