"""The table of feedback on runs; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, PrimaryKeyConstraint, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["run_feedback"]

run_feedback = Table(
    "run_feedback",
    metadata,
    Column("run_id", SafeText, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", SafeText, nullable=False),
    Column("kind", SafeText, nullable=False),
    Column("name", SafeText, nullable=False),  # empty: the answer as a whole
    Column("number", Double),  # of a boolean, 0 or 1
    Column("text", SafeText),
    Column("comment", SafeText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    PrimaryKeyConstraint("run_id", "user_id", "kind", "name", name="pk_run_feedback"),
)
