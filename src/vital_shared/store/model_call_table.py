"""The table of models' calls with their prompts and answers; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, PrimaryKeyConstraint, Table

from vital_shared.store.tables import SafeText, metadata

__all__ = ["model_calls"]

# Rows are added with the charges of the calls, where prompts are stored, and never changed.
model_calls = Table(
    "model_calls",
    metadata,
    Column("run_id", SafeText, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("item", SafeText, nullable=False),  # the name of its charge in the ledger
    Column("number", Integer, nullable=False),  # their order within the run
    Column("call", SafeText, nullable=False),  # JSON of a RecordedCall
    PrimaryKeyConstraint("run_id", "item", name="pk_model_calls"),
)
