"""Keep what of each document was not read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the column; of the documents that are stored already nothing is known."""
    op.add_column("documents", sa.Column("notes", sa.Text, nullable=False, server_default="[]"))
