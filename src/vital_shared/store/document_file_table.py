"""The table of the files that documents were read from."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table

from vital_shared.store.tables import SafeText, metadata

__all__ = ["document_files"]

document_files = Table(
    "document_files",
    metadata,
    Column("document_id", SafeText, ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("tenant_id", SafeText, nullable=False),
    Column("path", SafeText, nullable=False),
    Index("ix_document_files_tenant_id_path", "tenant_id", "path"),
)
"""Documents of files by their absolute paths, percent-encoded; uploaded documents have none."""
