"""The text of a passage for the models: its title and section, then its words."""

from __future__ import annotations

__all__ = ["passage_text"]


def passage_text(title: str, section: str, text: str) -> str:
    """Return what is embedded, and reranked, for a passage."""
    heading = " > ".join(part for part in (title, section) if part)
    return f"{heading}\n{text}" if heading else text
