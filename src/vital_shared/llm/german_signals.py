"""Signals that distinguish a quoted German answer from one that is merely near the question.

Few depend on the language. Nouns have capitals in German, as names do: a long one of the question that the
passage lacks is a name, or what the passage says nothing of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from vital_shared.llm.german_questions import asked_attribute, denies, is_open, lacks_number
from vital_shared.llm.german_words import is_said_otherwise, is_unstated
from vital_shared.llm.passage_gap import passage_gap
from vital_shared.llm.pieces import PassagePiece
from vital_shared.llm.question_parts import question_sentences
from vital_shared.models.citation import Passage
from vital_shared.retrieval.language import GERMAN
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.stems import stem, stop_words
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

COMPOUND_MIN_LETTERS: Final = 8
COMPOUND_START_LETTERS: Final = 6
"""Letters from which on a word is found by its first ones: "Kaltmieten" by "Kaltmi"."""

HEAD_MIN_LETTERS: Final = 4
"""Letters of the last part of a compound; fewer are an ending."""

MAX_COMPOUND_LETTERS: Final = 40
PART_MIN_LETTERS: Final = 3
"""Letters of the first part of a compound."""

_WITHOUT_UMLAUTS: Final = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
"""Letters as the stemmer writes them."""

_WORD: Final = re.compile(r"[^\W_]+")
_CLAUSES: Final = re.compile(r"[.;:,!?](?:\s|$)|\b(?:aber|und|sondern|jedoch)\b")


def german_signals(
    question: str, best: PassagePiece, best_text: str, passages: Sequence[Passage], logit: float
) -> Mapping[str, float]:
    """Return each of `GERMAN_SIGNAL_NAMES`, scaled to about -2 to 2.

    :param best_text: the sentence that answers best, with what it needs to be understood.
    :param passages: all that were found, best first.
    :param logit: the multilingual embedder's for that sentence.
    """
    asks = question_sentences(question)
    passage = passage_text(best.passage.title, best.passage.section, best.passage.text)
    missing = [len(word) for word in _named(asks) if not _says(passage.lower(), word)]
    attribute = asked_attribute(asks)
    return {
        "answer_logit": (logit - USUAL_LOGIT) / LOGIT_SCALE,
        "passage_gap": passage_gap(passages) / GAP_SCALE,
        "missing_word": max(missing, default=0) / LETTERS_SCALE,
        "unknown_number": float(not numbers(asks) <= numbers(passage)),
        "attribute_missing": float(attribute is not None and not attribute.search(best_text)),
        "attribute_absent": float(attribute is not None and not attribute.search(passage)),
        "kind_missing": float(lacks_number(asks, best_text)),
        "denied": float(_is_denied(asks, best.text)),
    }


def _words(question: str) -> list[str]:
    """Return the words that say something, in lower case."""
    silent = stop_words(GERMAN)
    words = dict.fromkeys(word.lower() for word in _WORD.findall(question))
    return [
        word for word in words if word not in silent and (len(word) >= WORD_MIN_LETTERS or word.isdigit())
    ]


def _named(question: str) -> list[str]:
    """Return the nouns and names among its words; all of them where it has no capitals."""
    words = _WORD.findall(question)
    capital = {word.lower() for word in words[1:] if word[0].isupper()}
    return [
        word for word in _words(question) if not capital or word in capital or any(map(str.isdigit, word))
    ]


def _says(text: str, word: str) -> bool:
    """Return whether a text in lower case has a word, another one for the same thing, or need not have it."""
    root, plain = stem(word, GERMAN), text.translate(_WITHOUT_UMLAUTS)
    return (
        is_unstated(word)
        or _has(text, word)
        or is_said_otherwise(plain, root)
        or _has_both_parts(plain, root)
    )


def _has_both_parts(text: str, root: str) -> bool:
    """Return whether a text has both parts of a compound as words of their own or ends of words.

    "Gaspreis", where the section is "Gas" and its line "Arbeitspreis".
    """
    if len(root) > MAX_COMPOUND_LETTERS:
        return False
    for end in range(PART_MIN_LETTERS, len(root) - HEAD_MIN_LETTERS + 1):
        first, head = root[:end], root[end:]
        if re.search(rf"\b{first}\b", text) and (
            re.search(rf"{head}\w{{0,2}}\b", text) or is_said_otherwise(text, head)
        ):
            return True
    return False


def _has(text: str, word: str) -> bool:
    """Return whether a text in lower case has a word, with another ending or within a compound too.

    A compound that only begins as a word of the text does is another thing, unless the text has its end too:
    "Elterngeld" is not "Elternzeit".
    """
    if word.isdigit():
        return word in numbers(text)
    root, text = stem(word, GERMAN), text.translate(_WITHOUT_UMLAUTS)
    if root in text:
        return True
    if len(root) < COMPOUND_MIN_LETTERS:
        return False
    starts = (end for end in range(len(root) - 1, COMPOUND_START_LETTERS - 1, -1) if root[:end] in text)
    rest = root[next(starts, 0) :]
    return rest != root and (len(rest) < HEAD_MIN_LETTERS or rest in text)


def _is_denied(question: str, sentence: str) -> bool:
    """Return whether a clause with a word of the question denies something that the question does not."""
    if not is_open(question) or denies(question):
        return False
    words = _words(question)
    denied = affirmed = 0
    for clause in _CLAUSES.split(sentence.lower()):
        shared = sum(_has(clause, word) for word in words)
        if denies(clause):
            denied = max(denied, shared)
        else:
            affirmed = max(affirmed, shared)
    return denied > 0 and denied >= affirmed
