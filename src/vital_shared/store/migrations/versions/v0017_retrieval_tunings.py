"""Keep how each tenant's documents are searched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "retrieval_tunings",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("tuning", sa.Text, nullable=False),
    )
