"""Insert, or replace what has the same primary key; one statement in both dialects that we run on."""

from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def upsert(
    connection: AsyncConnection, table: Table, row: dict[str, Any], only_if: ColumnElement[bool] | None = None
) -> None:
    """Columns that `row` does not name keep what they have. `only_if` is asked of the row that is there."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    key = [column.name for column in table.primary_key.columns]
    changed = {name: value for name, value in row.items() if name not in key}
    statement = dialect.insert(table).values(row)
    if changed:
        statement = statement.on_conflict_do_update(index_elements=key, set_=changed, where=only_if)
    await connection.execute(statement)
