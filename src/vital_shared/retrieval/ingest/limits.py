"""Limits of the ingestion of one document."""

from __future__ import annotations

from dataclasses import dataclass

from vital_shared.settings import Settings

__all__ = ["DEFAULT_LIMITS", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Documents beyond these are refused, with a message that says which and by how much."""

    file_bytes: int = 25_000_000
    pages: int = 2_000
    """Pages of a PDF."""

    chunks: int = 10_000
    """About 1.5 million words."""

    seconds: float = 120.0
    """Time for reading a file into chunks, without embedding them."""

    memory_bytes: int = 1_000_000_000
    """Memory of the process that reads a file; its base of about 80 MB counts."""

    output_bytes: int = 64_000_000
    """Size of the chunks, as JSON."""

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits that are configured."""
        return cls(seconds=settings.ingest_seconds, memory_bytes=settings.ingest_memory_bytes)


DEFAULT_LIMITS = Limits()
