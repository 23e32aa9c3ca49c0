"""Signals that distinguish a quoted answer from one that is merely near the question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from vital_shared.llm.asked_things import asked_things
from vital_shared.llm.changes import contradicts_change
from vital_shared.llm.counted_things import counts_unknown_thing, lacks_counted_thing
from vital_shared.llm.denied_cells import asks_for_denied_cell, asks_for_foreign_column
from vital_shared.llm.denied_words import denies_words
from vital_shared.llm.designations import lacks_designation
from vital_shared.llm.empty_cells import asks_for_empty_cell
from vital_shared.llm.exclusive_kinds import asks_for_other_kind
from vital_shared.llm.german_questions import asked_attribute as asked_attribute_in_german
from vital_shared.llm.known_words import KnownWords, content_word_list, is_code, words_of
from vital_shared.llm.numbered_things import (
    lacks_numbered_thing,
    names_numbered_thing,
    names_other_number,
)
from vital_shared.llm.other_rows import asks_for_other_row
from vital_shared.llm.passage_gap import passage_gap
from vital_shared.llm.pieces import PassagePiece
from vital_shared.llm.question_kinds import asked_attribute, asks_whether, avoids, denies, lacks_kind
from vital_shared.llm.question_parts import question_sentences
from vital_shared.llm.stated_times import asks_for_unstated_time
from vital_shared.models.citation import Passage
from vital_shared.retrieval.language import ENGLISH, GERMAN, language_of
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.sentences import is_row
from vital_shared.retrieval.words import content_words, names, numbers

__all__ = ["SIGNAL_NAMES", "Logits", "closes_gate", "masked", "signals"]

SIGNAL_NAMES: Final = (
    "answer_logit",
    "passage_gap",
    "unknown_name",
    "look_alike",
    "unknown_number",
    "unknown_year",
    "attribute_missing",
    "attribute_absent",
    "kind_missing",
    "denied",
    "counted_thing_missing",
    "asked_thing_missing",
)
"""All of `signals`, in the order of their definition."""

LOGIT_BOUNDS: Final = (-10.0, 8.0)
LOGIT_SCALE: Final = 5.0

_WORD = re.compile(r"[^\W_]+(?:[-./'\u2019][^\W_]+)*")
_COMPOUND = re.compile(r"[^\W_]+(?:[-./][^\W_]+)+")
_SINGLE_CAPITAL = re.compile(r"(?<=[a-z] )([A-HJ-Z])\b(?!['\u2019.])")
_YEAR = re.compile(r"(?:19|20)\d\d")
_BOUNDED = re.compile(
    r"\b\d{1,2}(?:-|\s)years?(?:-|\s)olds?\b|\baged? \d{1,2}\b"
    r"|\b\d{1,2}(?::\d\d(?:\s?[ap]m)?|\s?[ap]m|\s?o['\u2019]clock)\b",
    re.IGNORECASE,
)
"""Ages and hours, which the bounds of documents cover: "my 12-year-old" is "under 18"."""

_ACRONYM_MIN_LETTERS = 3
_DECIMAL = re.compile(r"\d+[.,]\d+")
_IT = re.compile(r"(?:\bit\b[ -]*)+")


class Logits(NamedTuple):
    """The scores of the cross-encoder for an answer."""

    whole: float
    """Logit of the whole answer."""
    sentence: float
    """Logit of the best sentence alone."""
    masked: float
    """Logit of the best sentence without the names that it shares with the question."""


def masked(question: str, title: str, answer: str) -> tuple[str, str]:
    """Write "it" for names and the document's title, in the question and in the answer.

    A sentence about the same device scores high whatever is asked of it; without its name the rest decides.
    """
    about = content_words(title)
    hidden = {
        match.group().lower()
        for position, match in enumerate(_WORD.finditer(question))
        if _is_name(match.group(), is_first=position == 0)
        or (content_words(match.group()) and content_words(match.group()) <= about)
    }

    def hide(text: str) -> str:
        return _IT.sub(
            "it ", _WORD.sub(lambda m: "it" if m.group().lower() in hidden else m.group(), text)
        ).strip()

    return hide(question), hide(answer)


def signals(
    question: str, best: PassagePiece, best_text: str, passages: Sequence[Passage], logits: Logits
) -> Mapping[str, float]:
    """Return each of `SIGNAL_NAMES`, scaled to about -2 to 2.

    :param best: the sentence that answers best.
    :param best_text: that sentence, with what it needs to be understood.
    :param passages: all that were found, best first, reranked.
    """
    passage, sentence = best.passage, best.text
    asks = _Asked(question)
    found = KnownWords("\n".join(_whole(each) for each in passages))
    answering = KnownWords(_whole(passage))
    attribute = asked_attribute(asks.text)
    return {
        "answer_logit": sum(map(_scaled, logits)) / len(logits),
        "passage_gap": passage_gap(passages) / LOGIT_SCALE,
        "unknown_name": float(asks.has_unknown_name(found)),
        "look_alike": float(asks.has_look_alike(found)),
        "unknown_number": float(
            not numbers(asks.text) <= answering.numbers
            or not names_numbered_thing(asks.text, answering.text, found.text)
        ),
        "unknown_year": float(not asks.years <= found.numbers),
        "attribute_missing": float(attribute is not None and not attribute.stated.search(sentence)),
        "attribute_absent": float(attribute is not None and not attribute.stated.search(answering.text)),
        "kind_missing": float(lacks_kind(asks.text, sentence)),
        "denied": float(not is_row(best.quote) and asks.is_denied_by(best_text)),
        "counted_thing_missing": float(counts_unknown_thing(asks.text, found)),
        "asked_thing_missing": float(
            not all(
                answering.has(thing) or _states(answering.text, thing) for thing in asked_things(asks.text)
            )
        ),
    }


def closes_gate(question: str, passages: Sequence[Passage], sentence: str = "") -> bool:
    """Return whether a year, a measure, a kind or a numbered thing is asked for that no passage has.

    Or a cell that is empty in the row that the question names, or says that there is no such thing.

    :param sentence: the one that answers best; it may be about a thing with another number.
    """
    text = "\n".join(_whole(each) for each in passages)
    asks = question_sentences(question)
    stated = _stated_attribute(asks)
    years = {number for number in numbers(asks) if _YEAR.fullmatch(number)}
    return (
        not years <= KnownWords(text).numbers
        or (stated is not None and not stated.search(text))
        or lacks_numbered_thing(asks, text)
        or names_other_number(asks, sentence)
        or asks_for_other_row(asks, sentence, passages)
        or lacks_designation(asks, text)
        or lacks_counted_thing(asks, text)
        or asks_for_empty_cell(asks, passages)
        or asks_for_denied_cell(asks, passages)
        or asks_for_foreign_column(asks, passages)
        or asks_for_other_kind(asks, passages)
        or asks_for_unstated_time(asks, passages)
    )


def _stated_attribute(question: str) -> re.Pattern[str] | None:
    """Return what states the property that is asked for, in the languages whose words for it are known."""
    language = language_of(question)
    if language == GERMAN:
        return asked_attribute_in_german(question)
    attribute = asked_attribute(question) if language == ENGLISH else None
    return attribute.stated if attribute else None


def _states(text: str, thing: str) -> bool:
    """Return whether a text states a property, such as a price, by its units."""
    attribute = asked_attribute(thing)
    return attribute is not None and attribute.stated.search(text) is not None


class _Asked:
    """A question, taken apart."""

    def __init__(self, question: str) -> None:
        self.text = _BOUNDED.sub("", question_sentences(question))
        self.words = content_word_list(self.text)
        self.named = self._named()
        self.years = {number for number in numbers(self.text) if _YEAR.fullmatch(number)}

    def _named(self) -> frozenset[str]:
        parts = {part for name in names(self.text) for part in words_of(name)}
        days = {part for part in parts if not names(f"a {part.capitalize().rstrip('s')}")}
        return frozenset(parts - days | {word for word in words_of(self.text) if is_code(word)})

    def has_unknown_name(self, found: KnownWords) -> bool:
        """Return whether a name, a code or a single capital ("jetty F") is in no passage."""
        lower = found.text.lower()
        codes = [word for word in words_of(self.text) if is_code(word)]
        codes += [code.lower() for code in _COMPOUND.findall(self.text) if _is_compound_code(code)]
        return (
            any(
                not found.has_exactly(name) and not self._is_acronym_of(name, found)
                for name in self.named
                if content_words(name)
            )
            or any(code not in lower for code in codes)
            or any(
                not re.search(rf"\b{capital}\b", found.text) for capital in _SINGLE_CAPITAL.findall(self.text)
            )
        )

    def _is_acronym_of(self, name: str, found: KnownWords) -> bool:
        is_acronym = len(name) >= _ACRONYM_MIN_LETTERS and name.isalpha() and name.upper() in self.text
        return is_acronym and found.spells_out(name)

    def has_look_alike(self, found: KnownWords) -> bool:
        is_small = self.text[1:].islower()
        first = words_of(self.text)[:1]
        return any(
            found.looks_like(word)
            for word in self.words
            if not word.isdigit()
            and word not in found.words
            and not content_words(word) & content_words(found.text)
            and (is_small or word in self.named or [word] == first)
        )

    def is_denied_by(self, sentence: str) -> bool:
        """Return whether a sentence denies something of the question, and the question does not.

        A question that asks whether it is so is answered by that.
        """
        if asks_whether(self.text) or denies(self.text) or avoids(self.text):
            return False
        if contradicts_change(self.text, sentence, self._shared_words, ENGLISH):
            return True
        return denies_words(sentence, self.words)

    def _shared_words(self, clause: str) -> int:
        said = KnownWords(clause)
        return sum(said.has(word) for word in self.words)


def _is_compound_code(word: str) -> bool:
    """Return whether a word is such as "4/50" or "4.1.7": a decimal may be an amount that bounds cover."""
    return any(map(str.isdigit, word)) and _DECIMAL.fullmatch(word) is None


def _is_name(word: str, *, is_first: bool) -> bool:
    capitals = sum(map(str.isupper, word))
    return is_code(word) or capitals >= 2 or (capitals > 0 and not is_first and len(word) > 1)


def _whole(passage: Passage) -> str:
    return passage_text(passage.title, passage.section, passage.text)


def _scaled(logit: float) -> float:
    low, high = LOGIT_BOUNDS
    return max(low, min(high, logit)) / LOGIT_SCALE
