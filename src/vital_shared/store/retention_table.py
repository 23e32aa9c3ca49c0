"""The table of what the last pass of retention did."""

from __future__ import annotations

from sqlalchemy import Column, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["retention_outcomes"]

# One row for each kind of pass; there is one kind.
retention_outcomes = Table(
    "retention_outcomes",
    metadata,
    Column("name", SafeText, primary_key=True),
    Column("outcome", SafeText, nullable=False),  # JSON
    Column("ended_at", Instant, nullable=False),
)
