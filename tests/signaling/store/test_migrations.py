from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from signaling.center.resources import Tenant
from signaling.store.database import MIGRATIONS
from signaling.store.tables import metadata
from tests.signaling.store.samples import a_new_store


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


async def test_the_migrations_make_just_the_tables(tmp_path: Path) -> None:
    async with a_new_store(tmp_path):
        pass
    engine = create_engine(f"sqlite:///{tmp_path}/telephonist.db")
    with engine.connect() as connection:
        assert differences(connection) == []
        assert len(connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()) == 1
    engine.dispose()


OLD_ROWS = """
INSERT INTO instances VALUES ('1', 'i', 'acme');
INSERT INTO recordings VALUES ('c-1', 'r-1', 'k.wav', 'released', 'ab', '', 60, 2, 1000, '{"sealed": 1.0}', '1', 'i');
"""


async def test_recordings_of_the_first_schema_are_found_through_their_contacts(tmp_path: Path) -> None:
    path = tmp_path / "telephonist.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.upgrade(config, "0001")
        columns = "contact, id, key, state, sha256, reason, duration_ms, gaps, size, times, account, instance"
        for statement in OLD_ROWS.strip().split(";\n"):
            connection.execute(text(statement.replace("recordings VALUES", f"recordings ({columns}) VALUES")))
    engine.dispose()
    async with a_new_store(tmp_path) as store:
        tenant = Tenant("1", "i", "acme")
        found = await store.recording(tenant, "r-1")
    assert found is not None and (found.contact, found.recording.type) == ("c-1", "AGENT")
    assert (found.recording.size, found.recording.gaps, found.recording.times) == (1000, 2, {"sealed": 1.0})


def test_every_table_of_a_tenant_begins_its_key_with_the_tenant() -> None:
    for table in metadata.sorted_tables:
        assert [column.name for column in table.primary_key.columns][:2] == ["account", "instance"]
