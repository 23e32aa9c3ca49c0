"""Index by tenant the background runs that the queue does not have. Older engines use it, too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

_WAITING = sa.text("NOT dispatched")


def upgrade() -> None:
    """Put the index in place of the one by age."""
    op.create_index(
        "ix_background_runs_turns",
        "background_runs",
        ["workflow", "tenant_id", "queued_at", "run_id"],
        postgresql_where=_WAITING,
        sqlite_where=_WAITING,
    )
    op.drop_index("ix_background_runs_undispatched", "background_runs")
