"""How digits travel on a trunk, and how the sides of contacts sounded."""

from alembic import op
from sqlalchemy import JSON, Column, ForeignKeyConstraint, PrimaryKeyConstraint, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trunks", Column("dtmf", Text, nullable=False, server_default="auto"))
    op.create_table(
        "qualities",
        *(Column(name, Text, nullable=False) for name in ("account", "instance", "contact", "side")),
        Column("quality", JSON, nullable=False),
        PrimaryKeyConstraint("account", "instance", "contact", "side"),
        ForeignKeyConstraint(["account", "instance"], ["instances.account", "instances.instance"]),
    )


def downgrade() -> None:
    op.drop_table("qualities")
    op.drop_column("trunks", "dtmf")
