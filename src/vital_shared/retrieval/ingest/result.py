"""The result of ingesting a document."""

from __future__ import annotations

from typing import Literal, Self

from vital_shared.models.base import Frozen
from vital_shared.models.knowledge import Document

__all__ = ["IngestResult", "Status"]

# "stale", or "removed" where that was asked for: its file is gone from the folder that was ingested.
Status = Literal["added", "updated", "unchanged", "duplicate", "failed", "stale", "removed"]


class IngestResult(Frozen):
    """The result of ingesting one document."""

    uri: str
    status: Status
    document_id: str | None = None
    """The stored document; of a duplicate, the one that it duplicates; None where it failed."""

    title: str = ""
    chunks: int = 0
    message: str = ""
    """One sentence for the user: why it failed, what of it was not read, or what it duplicates."""

    @classmethod
    def of(cls, document: Document, status: Status) -> Self:
        """Return the result that is `document`."""
        return cls(
            uri=document.uri,
            status=status,
            document_id=document.id,
            title=document.title,
            chunks=document.chunks,
            message=" ".join(document.notes),
        )
