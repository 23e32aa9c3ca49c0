"""Words of a question that a sentence denies: "Which soap is best?", where it says "without soap"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vital_shared.llm.known_words import KnownWords
from vital_shared.llm.question_kinds import denies

__all__ = ["denies_words"]

_CLAUSES: Final = re.compile(
    r"[.;:,!?](?:\s|$)|\b(?:but|and)\b|(?=\bwithout\b)"
    r"|(?<=\w) (?=not (?:by|in|for|on|at|from|with|to|the|a)\b)"
)
"""Boundaries of clauses, also before what is denied alone: "run by the railway not by the town"."""


def denies_words(sentence: str, words: Sequence[str]) -> bool:
    """Return whether a denying clause has as many of the words as another one, or one that no other has.

    :param words: those of a question, in lower case.
    """
    clauses = _CLAUSES.split(sentence)
    denied = [_known(clause, words) for clause in clauses if denies(clause)]
    affirmed = [_known(clause, words) for clause in clauses if not denies(clause)]
    most_denied, most_affirmed = (max(map(len, each), default=0) for each in (denied, affirmed))
    is_alone = not frozenset().union(*denied) <= frozenset().union(*affirmed)
    return is_alone or most_denied >= max(1, most_affirmed)


def _known(clause: str, words: Sequence[str]) -> frozenset[str]:
    known = KnownWords(clause)
    return frozenset(word for word in words if known.has(word))
