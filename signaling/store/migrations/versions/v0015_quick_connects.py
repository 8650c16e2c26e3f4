"""Where agents may transfer to."""

from alembic import op
from sqlalchemy import Column, ForeignKeyConstraint, PrimaryKeyConstraint, Text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TENANT = ("account", "instance")


def upgrade() -> None:
    op.create_table(
        "quick_connects",
        *(Column(name, Text, nullable=False) for name in (*TENANT, "id", "name", "type", "target")),
        PrimaryKeyConstraint(*TENANT, "id"),
        ForeignKeyConstraint(TENANT, [f"instances.{column}" for column in TENANT]),
    )


def downgrade() -> None:
    op.drop_table("quick_connects")
