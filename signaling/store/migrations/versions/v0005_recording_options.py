"""How the calls of each instance are recorded."""

from alembic import op
from sqlalchemy import JSON, Column, ForeignKeyConstraint, PrimaryKeyConstraint, Text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recording_options",
        Column("account", Text, nullable=False),
        Column("instance", Text, nullable=False),
        Column("options", JSON, nullable=False),
        PrimaryKeyConstraint("account", "instance"),
        ForeignKeyConstraint(["account", "instance"], ["instances.account", "instances.instance"]),
    )


def downgrade() -> None:
    op.drop_table("recording_options")
