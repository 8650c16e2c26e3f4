"""Insert, or replace what has the same primary key; one statement in both dialects that we run on."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def upsert(connection: AsyncConnection, table: Table, row: dict[str, Any], newer: str = "") -> None:
    """Columns that `row` does not name keep what they have. `newer`: a column by which an older row replaces none."""
    await upsert_all(connection, table, [row], newer)


async def upsert_all(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]], newer: str = ""
) -> None:
    """Likewise, in their order. All rows name the same columns."""
    await connection.execute(_statement(connection.dialect.name, table, tuple(rows[0]), newer), rows)


@cache
def _statement(dialect_name: str, table: Table, columns: tuple[str, ...], newer: str) -> Any:
    """Made once: to build and hash it for every row costs more than to carry it out."""
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    key = [column.name for column in table.primary_key.columns]
    statement: Any = dialect.insert(table)
    told = statement.excluded
    changed = {name: told[name] for name in columns if name not in key}
    if not changed:
        return statement
    only_if = table.c[newer] <= told[newer] if newer else None
    return statement.on_conflict_do_update(index_elements=key, set_=changed, where=only_if)
