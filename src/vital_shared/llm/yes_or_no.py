"""Questions that yes or no answers, in the languages whose questions are known."""

from __future__ import annotations

from vital_shared.llm.german_questions import is_open
from vital_shared.llm.question_kinds import asks_whether
from vital_shared.retrieval.language import GERMAN

__all__ = ["asks_yes_or_no"]


def asks_yes_or_no(question: str, language: str) -> bool:
    """Return whether yes or no would answer; "Was kostet es?" only begins as such an English question."""
    return not is_open(question) if language == GERMAN else asks_whether(question)
