"""The table of the tunings of retrieval; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, Table

from vital_shared.store.tables import SafeText, metadata

__all__ = ["retrieval_tunings"]

retrieval_tunings = Table(
    "retrieval_tunings",
    metadata,
    Column("tenant_id", SafeText, primary_key=True),  # "": all tenants without one of their own
    Column("tuning", SafeText, nullable=False),  # JSON of a StoredTuning
)
