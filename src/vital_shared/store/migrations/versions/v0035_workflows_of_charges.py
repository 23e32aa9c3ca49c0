"""Keep the workflow that each charge was made for.

What the cache saved belongs to no run, so its workflow was unknown; and that of a charge was unknown once
retention had deleted the run. Engines of the version before write charges without it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Add the column; the workflow of the charges that are stored already is in the records of their runs."""
    op.add_column("ledger", sa.Column("workflow", sa.Text))
