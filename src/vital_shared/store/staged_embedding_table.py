"""The table of embeddings that wait for the rest of their document; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["staged_embeddings"]

staged_embeddings = Table(
    "staged_embeddings",
    metadata,
    Column("digest", SafeText, primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("vectors", LargeBinary, nullable=False),
    Index("ix_staged_embeddings_created_at", "created_at"),
)
