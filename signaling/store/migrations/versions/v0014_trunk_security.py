"""How a trunk's media are encrypted and found, and the certificate that it shows."""

from alembic import op
from sqlalchemy import JSON, Column, Text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trunks", Column("suites", JSON, nullable=False, server_default="[]"))
    op.add_column("trunks", Column("nat", Text, nullable=False, server_default="off"))
    op.add_column("trunks", Column("certificate", JSON))


def downgrade() -> None:
    with op.batch_alter_table("trunks") as trunks:
        for name in ("certificate", "nat", "suites"):
            trunks.drop_column(name)
