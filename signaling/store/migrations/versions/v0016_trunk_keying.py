"""How a trunk agrees on keys of SRTP."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trunks", Column("keying", Text, nullable=False, server_default="sdes"))


def downgrade() -> None:
    with op.batch_alter_table("trunks") as trunks:
        trunks.drop_column("keying")
