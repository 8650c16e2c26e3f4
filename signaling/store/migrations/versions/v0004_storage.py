"""Where the recordings of each instance go."""

from alembic import op
from sqlalchemy import JSON, Column, ForeignKeyConstraint, PrimaryKeyConstraint, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "storages",
        Column("account", Text, nullable=False),
        Column("instance", Text, nullable=False),
        Column("settings", JSON, nullable=False),
        PrimaryKeyConstraint("account", "instance"),
        ForeignKeyConstraint(["account", "instance"], ["instances.account", "instances.instance"]),
    )


def downgrade() -> None:
    op.drop_table("storages")
