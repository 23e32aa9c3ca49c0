"""The things that a question asks for by their name, such as the supplier in "Which supplier has it?"."""

# ruff: noqa: SIM905 (word lists read better as one string)

from __future__ import annotations

import re
from typing import Final

from vital_shared.retrieval.words import content_words, keyword

__all__ = ["asked_things"]

_NOUN: Final = r"([^\W\d_]+)"
_NAMED: Final = (
    re.compile(
        r"\bwhat(?:['\u2019]s| is| are| was| were) (?:the|her|his|its|their|your|our) "
        rf"{_NOUN}(?: {_NOUN})? of\b",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?:which|what) (?:(?:kind|sort|type|the|a|an|of|other) )*{_NOUN}", re.IGNORECASE),
    re.compile(rf"^(?:the )?{_NOUN}(?: {_NOUN})? of\b", re.IGNORECASE),
)
_COUNTED: Final = re.compile(r"\bhow (?:many|much) (?![^\W_]+er\b)([^\W_]+)", re.IGNORECASE)

_UNSTATED: Final = frozenset(
    map(
        keyword,  # not content_words, which first loads the model that recognises languages
        "anything something thing kind part sort type way person people date day time year month minimum "
        "maximum least size number amount percentage share age name happens happened stand changed "
        "extra organization organisation company country city town place body agency centre center".split(),
    )
)
"""Stems of words that an answer need not repeat: "the date of death" is answered by "died on 3 May"."""


def asked_things(question: str) -> tuple[str, ...]:
    """Return the words in lower case, such as "catalogue" and "number" of "catalogue number of the pump"."""
    match = next((found for pattern in _NAMED if (found := pattern.search(question))), None)
    words = [*(match.groups() if match else ()), *_COUNTED.findall(question)]
    lower = dict.fromkeys(word.lower() for word in words if word)
    return tuple(word for word in lower if content_words(word) and not content_words(word) & _UNSTATED)
