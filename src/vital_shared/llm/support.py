"""Whether sentences answer a question, by words and logits alone: the gate where no calibration fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vital_shared.llm.money_words import MONEY
from vital_shared.llm.question_parts import question_sentences
from vital_shared.models.citation import Passage
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.words import content_words, coverage, names, numbers

__all__ = ["is_supported"]

SUPPORT: Final = -6.9
"""The gate, in logits. Set on 156 questions of six fields, 45 of them without an answer, with all sentences
judged at once: it then let through none of those, and turned away 17 of the others, most of which share
hardly a word with their answer."""

UNKNOWN_WEIGHT: Final = 10.0
FOREIGN_WEIGHT: Final = 8.0
WRONG_KIND_WEIGHT: Final = 6.0
LOGIT_BOUNDS: Final = (-8.0, 4.0)

BEST_PASSAGES: Final = 3

_MONEY_QUESTION = re.compile(
    r"\bhow much\b.*\b(?:cost|costs|pay|paid|charge|fee|price|salary|bonus)\b"
    r"|\bhow many (?:dollars|euros|pounds)\b|\bwhat\b.{0,20}\b(?:price|cost|salary|fee)\b",
    re.IGNORECASE,
)
_MONEY = re.compile(
    rf"{MONEY}|\bfree\b|\bno (?:\w+ )?(?:fee|charge|cost)",
    re.IGNORECASE,
)
_DATE_QUESTION = re.compile(r"\b(?:what|which) (?:date|year|day)\b", re.IGNORECASE)
_DATE = re.compile(
    r"\b(?:1\d|20)\d\d\b|\b\d{1,2}\b|\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\b"
)


def is_supported(question: str, logit: float, answer: str, passages: Sequence[Passage]) -> bool:
    """Return whether the best sentence answers well enough, less what speaks against it.

    Against it speak words of the question that no passage has, above all names and numbers, and the lack of
    an amount or a date that was asked for; the story around the question does not.

    :param logit: logit of the best sentence without its passage's headings: they alone can lift a related
        sentence without the fact.
    """
    asks = question_sentences(question)
    found = [passage_text(p.title, p.section, p.text) for p in passages]
    unknown = 1.0 - coverage(content_words(asks), "\n".join(found[:BEST_PASSAGES]))
    low, high = LOGIT_BOUNDS
    support = (
        min(max(logit, low), high)
        - UNKNOWN_WEIGHT * unknown
        - FOREIGN_WEIGHT * _asks_for_strangers(asks, "\n".join(found))
        - WRONG_KIND_WEIGHT * _is_of_wrong_kind(asks, answer)
    )
    return support >= SUPPORT


def _asks_for_strangers(question: str, found: str) -> bool:
    """Return whether the question has a name or a number that no passage has."""
    words = {word.lower() for word in re.findall(r"[^\W_]+", found)}
    parts = {part for name in names(question) for part in re.findall(r"[^\W_]+", name)}
    return not (parts <= words and numbers(question) <= numbers(found) | words)


def _is_of_wrong_kind(question: str, answer: str) -> bool:
    """Return whether an amount of money or a date is asked for, and there is none."""
    return bool(
        (_MONEY_QUESTION.search(question) and not _MONEY.search(answer))
        or (_DATE_QUESTION.search(question) and not _DATE.search(answer))
    )
