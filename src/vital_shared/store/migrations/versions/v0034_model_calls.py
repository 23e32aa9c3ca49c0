"""Keep the prompts and answers of models' calls, where that is wanted.

Engines of the version before store none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Make the table, and add to a run whether an erasure forbids to store its prompts."""
    op.add_column("runs", sa.Column("prompts_erased", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "model_calls",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("call", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "item", name="pk_model_calls"),
    )
