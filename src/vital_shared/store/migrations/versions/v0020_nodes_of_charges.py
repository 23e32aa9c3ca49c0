"""Keep the node that each charge was made for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the column; of the charges that are stored already no node is known."""
    op.add_column("ledger", sa.Column("node", sa.Text))
