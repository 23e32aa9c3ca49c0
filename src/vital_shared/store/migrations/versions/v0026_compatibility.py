"""Note which engines may use the schema, so that those of the version before serve on during a rollout."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Make the table. A migration that takes away what older engines need raises its value."""
    table = op.create_table(
        "schema_compatibility",
        sa.Column("oldest_version", sa.Text, primary_key=True),
    )
    op.execute(table.insert().values(oldest_version=revision))
