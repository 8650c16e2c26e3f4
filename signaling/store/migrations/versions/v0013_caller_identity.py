"""Which header of a trunk's calls says who calls, and whom a call was for before it was sent on."""

from alembic import op
from sqlalchemy import Column, LargeBinary, Text

revision = "0013"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trunks", Column("identity", Text, nullable=False, server_default="from"))
    op.add_column("contacts", Column("diverted_from", LargeBinary))


def downgrade() -> None:
    with op.batch_alter_table("contacts") as contacts:
        contacts.drop_column("diverted_from")
    with op.batch_alter_table("trunks") as trunks:
        trunks.drop_column("identity")
