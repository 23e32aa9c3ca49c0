"""The questions of a message, without the story around them, and sentences that lean on the one before."""

from __future__ import annotations

import re
from typing import Final

from vital_shared.retrieval.sentences import split

__all__ = ["question_sentences", "refers_back"]

_ASKS: Final = re.compile(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b|\?\s*$", re.IGNORECASE)
_LEANS: Final = re.compile(
    r"(?:it|they|he|she|this|that|these|those|its|their|his|her|there|after that|then|both|each|such|"
    r"instead|so|ones?|here)\b",
    re.IGNORECASE,
)


def question_sentences(message: str) -> str:
    """Return the sentences that ask: "My laptop is gone. Whom do I call?" asks only the second."""
    sentences = [sentence.strip() for sentence in split(message)]
    return " ".join(sentence for sentence in sentences if _ASKS.search(sentence)) or message


def refers_back(sentence: str) -> bool:
    """Return whether a sentence begins with a word that refers to the one before."""
    return _LEANS.match(sentence) is not None
