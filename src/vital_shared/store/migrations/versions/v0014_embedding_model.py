"""Keep which model the passages are embedded with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

ONLY_MODEL = "bge-small-en-v1.5"
"""The one that there was before."""


def upgrade() -> None:
    """Add the column; what is embedded was embedded with the only model."""
    op.add_column("knowledge_version", sa.Column("embedding_model", sa.Text))
    kept = sa.table("knowledge_version", sa.column("embedding_model"))
    chunks = sa.table("chunks", sa.column("embedding"))
    embedded = sa.exists().where(chunks.c.embedding.is_not(None))
    op.execute(kept.update().where(embedded).values(embedding_model=ONLY_MODEL))
