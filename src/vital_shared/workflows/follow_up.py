"""Rewrite a follow-up question so that it can be understood, and searched for, without the conversation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vital_shared.models.message import Message

__all__ = ["standalone"]

_OPENING: Final = re.compile(
    r"^(and|but|or|so|also|then|what about|how about|what if|why|why not|what else|who else|which one|"
    r"in that case|if so|if not|for example|more|more details|go on|explain|elaborate)\b",
    re.IGNORECASE,
)
_REFERENCE: Final = re.compile(
    r"\b(it|its|they|them|their|theirs|this|that|these|those|he|she|him|her|his|one|ones|"
    r"there|same|such|former|latter|above|previous|both|either|neither|else|instead)\b",
    re.IGNORECASE,
)
_SHORT: Final = 4
"""Words that do not make a question of their own, at most: "for class III?"."""
_MAX_CHARACTERS: Final = 2_000


def leans(question: str) -> bool:
    """Return whether a question can only be understood with the conversation before it."""
    words = question.split()
    return (
        len(words) <= _SHORT
        or _OPENING.match(question.strip()) is not None
        or (len(words) <= 3 * _SHORT and _REFERENCE.search(question) is not None)
    )


def standalone(question: str, history: Sequence[Message]) -> str:
    """Put before a question that leans on earlier ones what it leans on.

    "How long does a 510(k) take?", then "and for De Novo?" gives both, since a search finds by what is
    said. A question that stands alone is left as it is.
    """
    parts = [question]
    for message in reversed(history):
        if not leans(parts[0]):
            break
        if message.role == "user":
            parts.insert(0, message.content)
    return " ".join(part.strip() for part in parts)[-_MAX_CHARACTERS:]
