"""What goes on now, for a control plane that is started anew; the SIP messages of contacts."""

from alembic import op
from sqlalchemy import Column, Float, ForeignKeyConstraint, LargeBinary, PrimaryKeyConstraint, Text

revision = "0008"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "live_states",
        Column("account", Text, nullable=False),
        Column("instance", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("id", Text, nullable=False),
        Column("updated", Float, nullable=False),
        Column("state", LargeBinary, nullable=False),
        PrimaryKeyConstraint("account", "instance", "kind", "id"),
        ForeignKeyConstraint(["account", "instance"], ["instances.account", "instances.instance"]),
    )
    op.create_table(
        "sip_traces",
        Column("account", Text, nullable=False),
        Column("instance", Text, nullable=False),
        Column("contact", Text, nullable=False),
        Column("at", Float, nullable=False),
        Column("trace", LargeBinary, nullable=False),
        PrimaryKeyConstraint("account", "instance", "contact", "at"),
        ForeignKeyConstraint(["account", "instance"], ["instances.account", "instances.instance"]),
    )


def downgrade() -> None:
    op.drop_table("sip_traces")
    op.drop_table("live_states")
