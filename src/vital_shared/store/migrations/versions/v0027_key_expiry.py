"""Let keys expire. Engines of the version before do not look at it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add the column; the keys that there are never expire."""
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True)))
