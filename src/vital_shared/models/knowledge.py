"""Documents as they are stored: split into chunks, each with its embedding."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from vital_shared.models.base import Frozen

__all__ = ["Chunk", "Document"]


class Chunk(Frozen):
    """A piece of a document, small enough to be embedded and to be read as a passage."""

    section: str = ""
    """Headings from the top to this piece, joined by `` > ``."""

    text: str = Field(min_length=1)
    embedding: bytes | None = None
    """Little-endian float32 values, normalised to length 1; None where no model was installed."""


class Document(Frozen):
    """A stored document, without its chunks."""

    id: str
    tenant_id: str | None
    """None: shared by all tenants."""

    uri: str
    """The origin of the document; unique within the tenant."""

    title: str
    content_hash: str
    """SHA-256 of the file's bytes, hexadecimal."""

    media_type: str
    chunks: int
    updated_at: datetime
    notes: tuple[str, ...] = ()
    """Sentences for the user: what of the document was not read; none where all was."""
