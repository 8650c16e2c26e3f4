"""The database itself: where it is, how SQLite is set, the migration at open, and transactions."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any, Self

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Table, event, make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from signaling.store.batch import Batch
from signaling.store.errors import Conflict, StoreUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"
WRITES = "telephonist_writes"

SQLITE = {"isolation_level": None}
"""The driver begins no transactions by itself: see `_begin`."""

# FULL, not NORMAL: in WAL mode both lose nothing to a killed process, but only FULL syncs the log at each commit, so
# that a power cut loses no committed contact record either. secure_delete: a destroyed key must not linger in a page.
PRAGMAS = ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")


class Database:
    """A database that has all tables. What the driver raises comes out as StoreError, without any values."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})
        self._turn = asyncio.Lock()
        self._batch = Batch(self.write)

    @classmethod
    async def open(cls, where: str | Path) -> Self:
        """`where`: the path of a SQLite file, or a URL. Raises StoreUnavailable."""
        return cls(await _open_engine(where))

    async def keep(self, table: Table, row: dict[str, Any], newer: str = "") -> None:
        """Upserts a row (see `upsert`), in one transaction with others that come meanwhile; on disk when it returns.
        Raises Conflict, StoreUnavailable."""
        await self._batch.keep(table, row, newer)

    async def close(self) -> None:
        await self._batch.close()
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the database. Raises StoreUnavailable."""
        with _errors():
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at its end, when it is on disk. Raises Conflict, StoreUnavailable."""
        with _errors():
            async with self._turn, self._writer.begin() as connection:
                yield connection


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict("a name is taken, or a reference leads nowhere") from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"the database failed: {type(error).__name__}") from error


async def _open_engine(where: str | Path) -> AsyncEngine:
    try:
        engine = _engine(_url(where))
    except (OSError, SQLAlchemyError) as error:
        raise StoreUnavailable(f"cannot open the database: {_first_line(error)}") from error
    try:
        await _migrate(engine)
    except (OSError, SQLAlchemyError, CommandError) as error:
        await engine.dispose()
        raise StoreUnavailable(f"cannot open the database: {_first_line(error)}") from error
    return engine


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, hide_parameters=True)
    if url.database:
        _make_private(Path(url.database))
    engine = create_async_engine(url, connect_args=SQLITE, hide_parameters=True)
    _set_up_sqlite(engine)
    return engine


def _url(where: str | Path) -> URL:
    if isinstance(where, str) and "://" in where:
        return make_url(where)
    return URL.create("sqlite+aiosqlite", database=str(where))


def _make_private(path: Path) -> None:
    """SQLite gives its log the mode of the database, so the database is made first, readable by our user only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _set_up_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _pragmas(connection: SqliteConnection, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    # The driver would begin late and leave DDL outside; and a reader that turned writer could not wait for its turn.
    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def _migrate(engine: AsyncEngine) -> None:
    async with engine.execution_options(**{WRITES: True}).begin() as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
