from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from signaling.store.tables import metadata
from tests.signaling.store.samples import a_store


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


async def test_the_migrations_make_just_the_tables(tmp_path: Path) -> None:
    async with a_store(tmp_path):
        pass
    engine = create_engine(f"sqlite:///{tmp_path}/telephonist.db")
    with engine.connect() as connection:
        assert differences(connection) == []
        assert len(connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()) == 1
    engine.dispose()


def test_every_table_of_a_tenant_begins_its_key_with_the_tenant() -> None:
    for table in metadata.sorted_tables:
        assert [column.name for column in table.primary_key.columns][:2] == ["account", "instance"]
