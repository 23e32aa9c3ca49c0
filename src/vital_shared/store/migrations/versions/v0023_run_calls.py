"""Keep the calls of a durable run from before their requests leave."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "run_calls",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("charge", sa.Text),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("is_final", sa.Boolean, nullable=False),
    )
