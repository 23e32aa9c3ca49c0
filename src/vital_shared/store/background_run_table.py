"""The table of background runs; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["background_runs"]

# One row for each run that was begun in the background; its status is that of its row in `runs`.
background_runs = Table(
    "background_runs",
    metadata,
    Column("run_id", SafeText, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", SafeText, nullable=False),
    Column("workflow", SafeText, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("dispatched", Boolean, nullable=False),  # whether the queue has an item for this attempt
    Column("cancel_requested", Boolean, nullable=False),
    PrimaryKeyConstraint("run_id", name="pk_background_runs"),
    # The migration makes it partial, as it does `ix_runs_queued`: only what the queue does not have yet.
    Index("ix_background_runs_turns", "workflow", "tenant_id", "queued_at", "run_id"),
)
