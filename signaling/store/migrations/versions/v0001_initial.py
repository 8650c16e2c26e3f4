"""The first schema."""

from typing import Any

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instances",
        *_texts("account", "instance", "alias"),
        PrimaryKeyConstraint("account", "instance"),
        UniqueConstraint("alias"),
    )
    _create_resources()
    _create_contacts()
    _create_recordings()
    _create_data_keys()
    _create_audit_events()


def downgrade() -> None:
    """Nothing is older than this."""
    raise NotImplementedError("there is no schema before the first")


def _create_resources() -> None:
    _create("security_profiles", *_texts("id", "name"), _json("permissions"))
    _create("routing_profiles", *_texts("id", "name"), _json("rows"))
    _create("queues", *_texts("id", "name"))
    _create("contact_flows", *_texts("id", "name"), _json("content"))
    _create("phone_numbers", *_texts("number", "flow"), key=("number",))
    _create("trunks", *_texts("name", "srtp"), *map(_json, ("sources", "transports", "codecs")), key=("name",))
    _create(
        "users",
        *_texts("id", "username", "name", "routing_profile"),
        _json("security_profiles"),
        Column("password", Text),
        UniqueConstraint("account", "instance", "username"),
    )


def _create_contacts() -> None:
    _create(
        "contacts",
        *_texts("contact", "initiation_method"),
        *(Column(name, Float, nullable=False) for name in ("initiated", "updated")),
        *(Column(name, LargeBinary, nullable=False) for name in ("customer", "customer_index", "system", "attributes")),
        *(Column(name, Text) for name in ("initial_contact", "previous_contact", "next_contact", "disconnect_reason")),
        *(Column(name, Text) for name in ("queue_id", "agent_id")),
        *(Column(name, JSON(none_as_null=True)) for name in ("queue", "agent")),
        Column("agent_connection_attempts", Integer, nullable=False),
        *(Column(name, Float) for name in ("connected_to_system", "disconnected", "completed")),
        key=("contact",),
    )
    tenant = ("account", "instance")
    op.create_index("contacts_by_time", "contacts", [*tenant, "initiated", "contact"])
    op.create_index("contacts_by_customer", "contacts", [*tenant, "customer_index", "initiated"])
    op.create_index("contacts_open", "contacts", [*tenant, "completed"])


def _create_recordings() -> None:
    _create(
        "recordings",
        *_texts("contact", "id", "key", "state", "sha256", "reason"),
        *(Column(name, Integer, nullable=False) for name in ("duration_ms", "gaps")),
        Column("size", BigInteger, nullable=False),
        _json("times"),
        key=("contact",),
    )


def _create_data_keys() -> None:
    _create(
        "data_keys",
        *_texts("purpose", "period"),
        *(Column(name, LargeBinary, nullable=False) for name in ("id", "wrapped")),
        Column("created", Float, nullable=False),
        UniqueConstraint("account", "instance", "purpose", "period"),
    )


def _create_audit_events() -> None:
    op.create_table(
        "audit_events",
        *_texts("account", "instance", "actor", "source", "action", "resource", "outcome", "detail"),
        Column("sequence", Integer, nullable=False),
        Column("at", Float, nullable=False),
        *(Column(name, LargeBinary, nullable=False) for name in ("previous", "hash")),
        PrimaryKeyConstraint("account", "instance", "sequence"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_events_no_{verb.lower()} BEFORE {verb} ON audit_events "
                "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            )


def _create(name: str, *columns: Column[Any] | UniqueConstraint, key: tuple[str, ...] = ("id",)) -> None:
    """A table of a tenant's things."""
    op.create_table(
        name,
        *_texts("account", "instance"),
        *columns,
        PrimaryKeyConstraint("account", "instance", *key),
        ForeignKeyConstraint(["account", "instance"], ["instances.account", "instances.instance"]),
    )


def _texts(*names: str) -> list[Column[Any]]:
    return [Column(name, Text, nullable=False) for name in names]


def _json(name: str) -> Column[Any]:
    return Column(name, JSON, nullable=False)
