"""Signals that distinguish a quoted German answer from one that is merely near the question.

Few depend on the language. Nouns have capitals in German, as names do: a long one of the question that the
passage lacks is a name, or what the passage says nothing of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from vital_shared.llm.changes import contradicts_change
from vital_shared.llm.german_questions import asked_attribute, denies, is_open, lacks_number
from vital_shared.llm.german_words import has_word, says
from vital_shared.llm.passage_gap import passage_gap
from vital_shared.llm.pieces import PassagePiece
from vital_shared.llm.question_parts import question_sentences
from vital_shared.models.citation import Passage
from vital_shared.retrieval.language import GERMAN
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.stems import stop_words
from vital_shared.retrieval.words import numbers

__all__ = ["GERMAN_SIGNAL_NAMES", "german_signals"]

GERMAN_SIGNAL_NAMES: Final = (
    "answer_logit",
    "passage_gap",
    "missing_word",
    "unknown_number",
    "attribute_missing",
    "attribute_absent",
    "kind_missing",
    "denied",
)
"""All of `german_signals`, in the order of their definition."""

USUAL_LOGIT: Final = 3.5
LOGIT_SCALE: Final = 2.0
"""The median of the multilingual embedder's logits for the best sentence, and their spread."""

GAP_SCALE: Final = 2.0
LETTERS_SCALE: Final = 10.0
WORD_MIN_LETTERS: Final = 3
"""Letters of a word that says something."""

_WORD: Final = re.compile(r"[^\W_]+")
_CLAUSES: Final = re.compile(r"[.;:,!?](?:\s|$)|\b(?:aber|und|sondern|jedoch)\b")


def german_signals(
    question: str,
    best: PassagePiece,
    best_text: str,
    passages: Sequence[Passage],
    logit: float,
    language: str = GERMAN,
) -> Mapping[str, float]:
    """Return each of `GERMAN_SIGNAL_NAMES`, scaled to about -2 to 2.

    :param best_text: the sentence that answers best, with what it needs to be understood.
    :param passages: all that were found, best first.
    :param logit: the multilingual embedder's for that sentence.
    :param language: the question's; in others than German, what its words ask for is not known.
    """
    asks = question_sentences(question)
    passage = passage_text(best.passage.title, best.passage.section, best.passage.text)
    missing = [len(word) for word in _named(asks, language) if not says(passage.lower(), word)]
    attribute = asked_attribute(asks)
    return {
        "answer_logit": (logit - USUAL_LOGIT) / LOGIT_SCALE,
        "passage_gap": passage_gap(passages) / GAP_SCALE,
        "missing_word": max(missing, default=0) / LETTERS_SCALE,
        "unknown_number": float(not numbers(asks) <= numbers(passage)),
        "attribute_missing": float(attribute is not None and not attribute.search(best_text)),
        "attribute_absent": float(attribute is not None and not attribute.search(passage)),
        "kind_missing": float(lacks_number(asks, best_text)),
        "denied": float(_is_denied(asks, best.text, language)),
    }


def _words(question: str, language: str) -> list[str]:
    """Return the words that say something, in lower case."""
    silent = stop_words(language)
    words = dict.fromkeys(word.lower() for word in _WORD.findall(question))
    return [
        word for word in words if word not in silent and (len(word) >= WORD_MIN_LETTERS or word.isdigit())
    ]


def _named(question: str, language: str) -> list[str]:
    """Return the nouns and names among its words; all of them where it has no capitals."""
    words = _WORD.findall(question)
    capital = {word.lower() for word in words[1:] if word[0].isupper()}
    return [
        word
        for word in _words(question, language)
        if not capital or word in capital or any(map(str.isdigit, word))
    ]


def _is_denied(question: str, sentence: str, language: str) -> bool:
    """Return whether a clause with a word of the question denies something that the question does not."""
    if not is_open(question) or denies(question):
        return False
    words = _words(question, language)

    def shared_words(clause: str) -> int:
        return sum(has_word(clause.lower(), word) for word in words)

    if contradicts_change(question, sentence, shared_words, GERMAN):
        return True
    denied = affirmed = 0
    for clause in _CLAUSES.split(sentence.lower()):
        shared = shared_words(clause)
        if denies(clause):
            denied = max(denied, shared)
        else:
            affirmed = max(affirmed, shared)
    return denied > 0 and denied >= affirmed
