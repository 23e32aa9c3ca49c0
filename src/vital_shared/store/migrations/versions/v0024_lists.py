"""Make runs and conversations easy to list, and keep feedback and the sessions of the console."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns, which the next revision fills, and the tables."""
    op.add_column("runs", sa.Column("model", sa.Text))
    op.add_column("runs", sa.Column("cost_nanos", sa.BigInteger))
    op.add_column("runs", sa.Column("title", sa.Text))
    op.add_column("runs", sa.Column("search_text", sa.Text))
    op.add_column("conversations", sa.Column("title", sa.Text))
    op.create_table(
        "run_feedback",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("number", sa.Double),
        sa.Column("text", sa.Text),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "user_id", "kind", "name", name="pk_run_feedback"),
    )
    op.create_table(
        "console_sessions",
        sa.Column("token_hash", sa.Text, primary_key=True),
        sa.Column("key_id", sa.Text, sa.ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
    )
