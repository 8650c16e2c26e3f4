"""Several recordings a contact, what was done to them, tombstones, legal holds, retention."""

from typing import Any

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKeyConstraint, Integer, PrimaryKeyConstraint, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEPT = "account, instance, contact, id, key, state, sha256, reason, duration_ms, gaps, size, times"


def upgrade() -> None:
    _key_recordings_by_id()
    op.add_column("contacts", Column("recording_acts", JSON, nullable=False, server_default="[]"))
    _create(
        "tombstones", *_texts("id", "contact", "type", "by", "reason", "cause"), _time("at"), Column("erased", Float)
    )
    _create("legal_holds", *_texts("contact", "by", "reason"), _time("at"), key="contact")
    _create("retention_rules", *_texts("queue"), Column("days", Integer, nullable=False), key="queue")
    op.create_index("audit_by_resource", "audit_events", ["account", "instance", "resource", "sequence"])


def downgrade() -> None:
    """A contact would have to lose all recordings but one."""
    raise NotImplementedError("recordings cannot be kept by their contact again")


def _key_recordings_by_id() -> None:
    """SQLite cannot change a primary key: the rows move into a table of the new shape."""
    _create(
        "recordings_by_id",
        *_texts("contact", "id", "key", "state", "sha256", "reason", "type"),
        *(Column(name, Integer, nullable=False) for name in ("duration_ms", "gaps")),
        Column("size", BigInteger, nullable=False),
        Column("times", JSON, nullable=False),
    )
    op.execute(f"INSERT INTO recordings_by_id ({_KEPT}, type) SELECT {_KEPT}, 'AGENT' FROM recordings")
    op.drop_table("recordings")
    op.rename_table("recordings_by_id", "recordings")
    op.create_index("recordings_by_contact", "recordings", ["account", "instance", "contact"])


def _create(name: str, *columns: Column[Any], key: str = "id") -> None:
    op.create_table(
        name,
        *_texts("account", "instance"),
        *columns,
        PrimaryKeyConstraint("account", "instance", key),
        ForeignKeyConstraint(["account", "instance"], ["instances.account", "instances.instance"]),
    )


def _texts(*names: str) -> list[Column[Any]]:
    return [Column(name, Text, nullable=False) for name in names]


def _time(name: str) -> Column[Any]:
    return Column(name, Float, nullable=False)
