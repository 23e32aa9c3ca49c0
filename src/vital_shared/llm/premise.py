"""The sentences of passages that a claim rests on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vital_shared.retrieval.sentences import split
from vital_shared.retrieval.words import content_words, numbers

__all__ = ["is_quoted", "premise"]

SENTENCES: Final = 4
MAX_PREMISE_CHARACTERS: Final = 500
"""Most of a premise: what the entailment model reads beside a claim."""


def is_quoted(claim: str, sources: Sequence[str]) -> bool:
    """Return whether a passage has the claim word for word."""
    words = _plain(claim)
    return any(words in _plain(source) for source in sources)


def premise(claim: str, sources: Sequence[str]) -> list[str]:
    """Return the sentences that share the most with a claim, in their order."""
    wanted, figures = content_words(claim), numbers(claim)
    sentences = [sentence.strip() for source in sources for sentence in split(source) if sentence.strip()]
    shared = [len(wanted & content_words(each)) + len(figures & numbers(each)) for each in sentences]
    ranked = sorted(range(len(sentences)), key=lambda place: -shared[place])
    chosen: list[int] = []
    left = MAX_PREMISE_CHARACTERS
    for place in ranked[:SENTENCES]:
        left -= len(sentences[place])
        if chosen and (left < 0 or not shared[place]):
            break
        chosen.append(place)
    return [sentences[place] for place in sorted(chosen)]


def _plain(text: str) -> str:
    words = " ".join(re.findall(r"[^\W_]+", text.lower()))
    return f" {words} "
