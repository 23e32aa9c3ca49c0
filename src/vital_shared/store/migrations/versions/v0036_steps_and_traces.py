"""Keep the steps of a run that ended without an answer, and the id of each run's trace.

The steps of an answer stand in its output. Of a failed run, of which one wants to know most, nothing was left
but its error. Engines of the version before write neither.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Add the columns; nothing is known of the runs that have ended."""
    op.add_column("runs", sa.Column("steps", sa.Text))
    op.add_column("runs", sa.Column("trace_id", sa.Text))
