"""Calls that go out: through which trunks, as whom, and what became of them."""

from alembic import op
from sqlalchemy import JSON, Column, Integer, Text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXTS = (
    ("queues", "caller_number"),
    ("queues", "caller_name"),
    ("queues", "outbound_flow"),
    ("routing_profiles", "outbound_queue"),
)


def upgrade() -> None:
    for table, name in _TEXTS:
        op.add_column(table, Column(name, Text, nullable=False, server_default=""))
    op.add_column("trunks", Column("outbound", JSON))
    op.add_column("contacts", Column("outcome", Text))
    op.add_column("contacts", Column("sip_status", Integer))
    op.add_column("contacts", Column("sip_reason", Text))


def downgrade() -> None:
    with op.batch_alter_table("contacts") as contacts:
        contacts.drop_column("sip_reason")
        contacts.drop_column("sip_status")
        contacts.drop_column("outcome")
    with op.batch_alter_table("trunks") as trunks:
        trunks.drop_column("outbound")
    for table, name in _TEXTS:
        with op.batch_alter_table(table) as changed:
            changed.drop_column(name)
