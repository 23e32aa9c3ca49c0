"""Keep which worker has a run, and what the finished nodes of a durable run have made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the columns and the tables; runs that are stored already have no owner, and are not durable."""
    op.add_column("runs", sa.Column("owner", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("runs", sa.Column("epoch", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("takeovers", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("is_durable", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "workers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
    )
    op.create_table(
        "run_nodes",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("finished", sa.Text, nullable=False),
    )
