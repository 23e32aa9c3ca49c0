"""Things that a question asks the number of: "How many beds does the ward have?"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Final

from vital_shared.llm.counted_words import is_counted_otherwise
from vital_shared.llm.german_words import says
from vital_shared.llm.known_words import KnownWords
from vital_shared.retrieval.language import ENGLISH, GERMAN, language_of
from vital_shared.retrieval.stems import stem
from vital_shared.retrieval.words import content_words, keyword

__all__ = ["counts_unknown_thing", "lacks_counted_thing"]

_AMOUNT: Final = re.compile(
    r"\bhow (?:many|much) (?!(?:more|less|extra|[^\W_]+er)\b)([^\W_]+)(?: ([^\W_]+))?", re.IGNORECASE
)
_COUNT: Final = {
    ENGLISH: re.compile(r"\bhow many (?!(?:more|extra|[^\W_]+er)\b)([^\W_]+)(?: ([^\W_]+))?", re.IGNORECASE),
    GERMAN: re.compile(r"\b[Ww]ie ?vielen? ([A-ZÄÖÜ][^\W\d_]+)"),
}
_PLURAL: Final = re.compile(r"[^\W\d_]{3,}[^s\W\d_]s")
_UNITS: Final = {
    ENGLISH: """
        gram kilo kilogram pound ounce ton tonne litre liter millilitre milliliter gallon metre meter
        centimetre centimeter millimetre millimeter kilometre kilometer inch foot feet mile watt
        kilowatt volt amp ampere hertz bar decibel degree percent lumen calorie joule byte kilobyte
        megabyte gigabyte pixel second minute hour day week month year time dollar euro cent franc
        people person
        """,
    GERMAN: """
        gramm kilo kilogramm pfund tonne liter milliliter meter zentimeter millimeter kilometer
        quadratmeter kubikmeter watt kilowatt volt ampere hertz dezibel grad prozent kalorie sekunde
        minute stunde tag woche monat jahr mal euro cent franken leute personen person menschen
        """,
}
"""Units, which texts write by their signs or give in others, and people, whom a room "sleeps" or "seats"."""


def counts_unknown_thing(question: str, found: KnownWords) -> bool:
    """Return whether an English question asks for the amount of something that a text does not have."""
    words = _counted(_AMOUNT, question, ENGLISH)
    return bool(words) and not _has_any(found.text, words, ENGLISH)


def lacks_counted_thing(question: str, text: str) -> bool:
    """Return whether a question asks how many there are of something that a text does not have at all."""
    language = GERMAN if language_of(question) == GERMAN else ENGLISH
    words = _counted(_COUNT[language], question, language)
    return bool(words) and not _has_any(text, words, language)


def _has_any(text: str, words: Sequence[str], language: str) -> bool:
    """Return whether a text has one of the words, or another one for what it counts."""
    if language == GERMAN:
        has: Callable[[str], bool] = partial(says, text.lower())
    else:
        has = KnownWords(text).has
    return any(has(word) or is_counted_otherwise(text, word, language) for word in words)


def _counted(asks: re.Pattern[str], question: str, language: str) -> list[str]:
    """Return the words for what is counted, in lower case; none for units and people."""
    counted = asks.search(question)
    words = [word.lower() for word in counted.groups() if word] if counted else []
    if words and _PLURAL.fullmatch(words[0]):
        words = words[:1]  # behind a plural stands what the things do: "how many tenors sing"
    if words and _root(words[0], language) in _units(language):
        return []
    return [word for word in words if content_words(word)]


@cache
def _units(language: str) -> frozenset[str]:
    return frozenset(_root(unit, language) for unit in _UNITS[language].split())


def _root(word: str, language: str) -> str:
    return stem(word, language) if language == GERMAN else keyword(word)
