"""The tables of what the sources in other systems hold; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, PrimaryKeyConstraint, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["source_documents", "source_leases"]

# No reference to the documents: a row outlives its document until the source has deleted it too.
source_documents = Table(
    "source_documents",
    metadata,
    Column("source", SafeText, nullable=False),
    Column("index_id", SafeText, nullable=False),
    Column("document_id", SafeText, nullable=False),
    Column("tenant_id", SafeText, nullable=False),
    Column("uri", SafeText, nullable=False),
    Column("updated_at", Instant, nullable=False),
    PrimaryKeyConstraint("source", "index_id", "document_id", name="pk_source_documents"),
)
"""The documents that an index of a source holds, each as it was at `updated_at`."""

source_leases = Table(
    "source_leases",
    metadata,
    Column("source", SafeText, primary_key=True),
    Column("holder", SafeText, nullable=False),
    Column("expires_at", Instant, nullable=False),
)
"""The process that brings a source up to date; at most one at a time."""
