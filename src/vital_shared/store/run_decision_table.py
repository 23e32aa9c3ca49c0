"""The table of decisions on paused runs; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, PrimaryKeyConstraint, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["run_decisions"]

# Rows are added with the resumption that they belong to, and never changed.
run_decisions = Table(
    "run_decisions",
    metadata,
    Column("run_id", SafeText, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),  # 1 for the first decision on a run
    Column("at", Instant, nullable=False),
    Column("decision", SafeText, nullable=False),  # JSON of a RunDecision
    PrimaryKeyConstraint("run_id", "number", name="pk_run_decisions"),
)
