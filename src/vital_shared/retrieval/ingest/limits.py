"""What one document may cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Documents beyond these are refused, with a message that says which and by how much."""

    file_bytes: int = 25_000_000
    pages: int = 2_000
    """Of a PDF."""

    chunks: int = 10_000
    """About 1.5 million words."""

    seconds: float = 120.0
    """For reading a file into chunks, without embedding them."""


DEFAULT_LIMITS = Limits()
