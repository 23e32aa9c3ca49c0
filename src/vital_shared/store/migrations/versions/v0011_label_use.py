"""Keep when the values of labels were last used, and which of them are configured."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the columns; what was admitted before counts as used then."""
    op.add_column("label_values", sa.Column("last_used_at", sa.DateTime(timezone=True)))
    reserved = sa.Column("is_reserved", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("label_values", reserved)
