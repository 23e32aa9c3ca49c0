"""Passages of sources and tools that others have written, made fit to be read, stored and sent."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from vital_shared.models.citation import Passage
from vital_shared.models.clean_text import clean_text

__all__ = ["shorten", "usable_passage", "usable_passages"]

MAX_PASSAGE_CHARACTERS: Final = 4_000
MAX_TITLE_CHARACTERS: Final = 500
MAX_URI_CHARACTERS: Final = 2_000

_LIMITS: Final = {
    "id": MAX_TITLE_CHARACTERS,
    "document_id": MAX_TITLE_CHARACTERS,
    "title": MAX_TITLE_CHARACTERS,
    "source": MAX_TITLE_CHARACTERS,
    "uri": MAX_URI_CHARACTERS,
    "section": MAX_TITLE_CHARACTERS,
    "text": MAX_PASSAGE_CHARACTERS,
}
_CUT: Final = "\n… (truncated)"


def usable_passages(found: Iterable[Passage]) -> tuple[Passage, ...]:
    """Shorten what is too long, and replace what cannot be written as UTF-8 or JSON."""
    return tuple(map(usable_passage, found))


def usable_passage(passage: Passage) -> Passage:
    """Return the passage itself where nothing is to be changed."""
    held = vars(passage)
    changed: dict[str, object] = {
        name: usable
        for name, limit in _LIMITS.items()
        if (usable := shorten(held[name], limit)) is not held[name]
    }
    if not math.isfinite(passage.score):
        changed["score"] = 0.0
    return passage.model_copy(update=changed) if changed else passage


def shorten(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text, clean, and marked where it was cut."""
    if len(text) > limit:
        text = text[: limit - len(_CUT)] + _CUT
    return clean_text(text)
