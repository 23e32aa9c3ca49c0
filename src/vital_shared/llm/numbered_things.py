"""Numbered things: "wheel 3" is not "wheel 2", even where a date has a 2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from vital_shared.retrieval.words import content_words, ordinals, spelt_numbers

__all__ = ["lacks_numbered_thing", "names_numbered_thing", "names_other_number"]

_NUMBER: Final = r"(?:\d{1,4}|[IVX]{2,4})"
_BETWEEN: Final = r"(?:\s*(?:,|;|/|&|\band\b|\bor\b|\bto\b|\bund\b|\boder\b|\bbis\b|[-\u2013])\s*)"
_THING: Final = re.compile(
    rf"\b(?P<noun>[^\W\d_]{{3,}})\s+(?:(?i:nos?|nr|number|nummer)\b\.?\s*|#)?"
    rf"(?P<numbers>{_NUMBER}(?:{_BETWEEN}{_NUMBER})*)(?!\w|[.,:/]\d|\s*[%€$£°])"
)
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_NUMBERS: Final = re.compile(_NUMBER)
_RANGE: Final = re.compile(r"(\d+)\s*(?:\bto\b|\bbis\b|[-\u2013])\s*(\d+)")
_NEXT_WORD: Final = re.compile(r"\s+([^\W\d_]+)")
_SMALL_WORDS: Final = frozenset({"is", "was", "has", "does", "as", "this", "its", "pass", "us"})
_MEASURES: Final = re.compile(
    r"age[ds]?|years?|months?|weeks?|days?|hours?|times?|price[ds]?|costs?|temperatures?|pressures?|"
    r"jahre?|monate?|tage?|stunden?|alter|preise?|"
    r"jan\w*|feb\w*|mar\w*|mär\w*|apr\w*|ma[yi]|jun\w*|jul\w*|aug\w*|sep\w*|o[ck]t\w*|nov\w*|de[cz]\w*",
    re.IGNORECASE,
)
"""Words before amounts and dates, which are no names of things."""

_MODEL: Final = re.compile(r"model|type|version|modell|typ")
"""Words by which texts name a product by its number alone: the "Tarn 6" as "model 6"."""

MAX_RANGE: Final = 100


class _NumberedThing(NamedTuple):
    """A noun, without the ending of its plural, and one of its numbers."""

    noun: str
    number: str


def lacks_numbered_thing(question: str, text: str) -> bool:
    """Return whether a question names a thing by its number, and a text has such things with others alone."""
    known = set(_things(text))
    nouns = {thing.noun for thing in known}
    return any(
        thing.noun in nouns and thing not in known and not _has_ordinal(thing, text)
        for thing in _asked(question)
    )


def names_numbered_thing(question: str, passage: str, text: str) -> bool:
    """Return whether a passage has all things that a question names by number and a text knows."""
    known, here = set(_things(text)), set(_things(passage))
    models = {thing.number for thing in here if _MODEL.fullmatch(thing.noun)}
    return all(
        thing in here or thing.number in models or thing not in known or _has_ordinal(thing, passage)
        for thing in _asked(question)
    )


def names_other_number(question: str, sentence: str) -> bool:
    """Return whether a sentence is about such a thing with another number, and not about the one asked for.

    "Vacuum the grille of the Tarn 120" says nothing of the grille of the Tarn 80.
    """
    here = set(_things(sentence))
    nouns = {thing.noun for thing in here}
    return any(
        thing.noun in nouns and thing not in here and not _has_ordinal(thing, sentence)
        for thing in _asked(question)
    )


def _asked(question: str) -> Iterator[_NumberedThing]:
    """Yield the things of a question, without amounts: "holds 5 bottles" has what is counted behind it."""
    for match in _THING.finditer(question):
        following = _NEXT_WORD.match(question, match.end())
        word = following[1] if following else ""
        is_counted = word[:1].isupper() or (word.endswith("s") and word.lower() not in _SMALL_WORDS)
        if not is_counted and content_words(match["noun"]):
            yield from _of(match)


def _things(text: str) -> Iterator[_NumberedThing]:
    for match in _THING.finditer(text):
        yield from _of(match)


def _of(match: re.Match[str]) -> Iterator[_NumberedThing]:
    noun = match["noun"].lower()
    if _MEASURES.fullmatch(noun):
        return
    bare = noun[:-1] if re.fullmatch(r".{2,}[^s]s", noun) else noun
    for number in _NUMBERS.findall(match["numbers"]):
        if not _YEAR.fullmatch(number):
            yield _NumberedThing(bare, number)
    for first, last in _RANGE.findall(match["numbers"]):
        if 0 < int(last) - int(first) <= MAX_RANGE:
            yield from (_NumberedThing(bare, str(number)) for number in range(int(first), int(last)))


def _has_ordinal(thing: _NumberedThing, text: str) -> bool:
    """Return whether a text names the thing in another form: "the second wheel", "wheel two"."""
    near = re.findall(rf"[^\W_]+\.?\s+{re.escape(thing.noun)}s?\b(?:\s+[^\W\d_]+)?", text, re.IGNORECASE)
    return any(thing.number in ordinals(each) | spelt_numbers(each) for each in near)
