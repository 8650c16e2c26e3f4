"""Phones that register, and where each can be reached."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import JSON, Boolean, Column, Float, ForeignKeyConstraint, LargeBinary, PrimaryKeyConstraint, Text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TENANT = ("account", "instance")


def upgrade() -> None:
    op.add_column("users", Column("endpoint", Text, nullable=False, server_default="browser"))
    _create(
        "phones",
        Column("name", Text, nullable=False),
        Column("user", Text, nullable=False),
        Column("media", Text, nullable=False),
        Column("codecs", JSON, nullable=False),
        Column("auto_answer", Boolean, nullable=False),
        Column("calls", Boolean, nullable=False),
        Column("secrets", LargeBinary),
        PrimaryKeyConstraint(*TENANT, "name"),
    )
    _create(
        "phone_bindings",
        Column("phone", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("binding", JSON, nullable=False),
        Column("expires", Float),
        PrimaryKeyConstraint(*TENANT, "phone", "key"),
    )


def downgrade() -> None:
    op.drop_table("phone_bindings")
    op.drop_table("phones")
    with op.batch_alter_table("users") as users:
        users.drop_column("endpoint")


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *(Column(column, Text, nullable=False) for column in TENANT),
        *parts,
        ForeignKeyConstraint(TENANT, [f"instances.{column}" for column in TENANT]),
    )
