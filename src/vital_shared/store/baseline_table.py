"""The table of baselines; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["baselines"]

baselines = Table(
    "baselines",
    metadata,
    Column("name", SafeText, primary_key=True),
    Column("saved_at", Instant, nullable=False),
    Column("figures", SafeText, nullable=False),  # JSON of a period's figures
)
