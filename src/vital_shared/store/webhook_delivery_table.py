"""The table of webhook deliveries; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["webhook_deliveries"]

# One row for each webhook that a run is to send at its end; written with the run, so that none is forgotten.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", SafeText, nullable=False),  # of the message: the receiver's idempotency key
    Column("run_id", SafeText, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", SafeText, nullable=False),
    Column("url", SafeText, nullable=False),
    Column("status", SafeText, nullable=False),  # waiting, pending, delivered, failed
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant, nullable=False),
    Column("last_status", Integer),
    Column("last_error", SafeText),
    Column("delivered_at", Instant),
    PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    Index("ix_webhook_deliveries_run_id", "run_id"),
    # The migration makes it partial: only those that were not sent yet.
    Index("ix_webhook_deliveries_open", "status", "next_attempt_at"),
)
