"""Keep embeddings of the passages by another model beside the first ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "chunk_embeddings",
        sa.Column(
            "chunk_id", sa.BigInteger, sa.ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
    )
