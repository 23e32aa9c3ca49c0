"""Give tenants a weight among the others, and the models that they may name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns; NULL is no setting of that kind."""
    op.add_column("budgets", sa.Column("weight", sa.Integer))
    op.add_column("budgets", sa.Column("models", sa.Text))
