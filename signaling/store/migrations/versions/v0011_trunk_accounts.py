"""Who we are at a trunk: credentials, registration, and how often it is asked whether it is there."""

from alembic import op
from sqlalchemy import JSON, Column, Integer, LargeBinary, Text

revision = "0011"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("username", "realm"):
        op.add_column("trunks", Column(name, Text, nullable=False, server_default=""))
    op.add_column("trunks", Column("registration", JSON))
    op.add_column("trunks", Column("options_seconds", Integer, nullable=False, server_default="0"))
    op.add_column("trunks", Column("password", LargeBinary))


def downgrade() -> None:
    with op.batch_alter_table("trunks") as trunks:
        for name in ("username", "realm", "registration", "options_seconds", "password"):
            trunks.drop_column(name)
