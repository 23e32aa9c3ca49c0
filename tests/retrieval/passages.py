"""Passages, made of what matters to a test."""

from __future__ import annotations

from itertools import count

from vital_shared.models.citation import Passage

_ids = count(1)


def passage(
    text: str,
    *,
    title: str = "",
    section: str = "",
    score: float = 0.0,
    passage_id: str | None = None,
    source: str = "memory",
) -> Passage:
    number = next(_ids)
    return Passage(
        id=passage_id or str(number),
        document_id=f"document-{number}",
        title=title or "Document",
        source=source,
        uri=f"{number}.md",
        section=section,
        text=text,
        score=score,
    )
