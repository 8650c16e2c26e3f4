"""How many calls a trunk may have at once, and begin in a second."""

from alembic import op
from sqlalchemy import Column, Float, Integer

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trunks", Column("max_calls", Integer, nullable=False, server_default="0"))
    op.add_column("trunks", Column("max_rate", Float, nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("trunks") as trunks:
        trunks.drop_column("max_rate")
        trunks.drop_column("max_calls")
