"""The table of embeddings by another model than the chunks came with; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, Table

from vital_shared.store.tables import SafeText, metadata

__all__ = ["chunk_embeddings"]

chunk_embeddings = Table(
    "chunk_embeddings",
    metadata,
    Column("chunk_id", BigInteger, ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column("model", SafeText, primary_key=True),
    Column("embedding", LargeBinary, nullable=False),
)
