"""The language of a text."""

# ruff: noqa: SIM905 (word lists read better as one string)

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from threading import Lock
from typing import Any, Final

__all__ = ["ENGLISH", "GERMAN", "language_of", "load", "load_for"]

ENGLISH: Final = "en"
GERMAN: Final = "de"

READ_CHARACTERS: Final = 600
"""Read of a text, from its beginning."""

KEPT_TEXTS: Final = 1_024

MIN_LETTERS: Final = 12
"""A shorter text in Latin letters is taken for English: a name, a number with its unit."""

MIN_WORDS: Final = 3
"""The same, where all letters are those of English."""

CLEARLY_ENGLISH: Final = 2
"""Words that no other language has, from which on nothing more is looked at."""

CLEARLY_FOREIGN: Final = 6.0
"""Logarithm of how much likelier another language must be than English: headings without a verb look
like Latin, and the rest of the engine knows English best."""

LANGUAGES: Final = tuple(
    "ar bg bn ca cs da de el en es et eu fa fi fr ga he hi hr hu hy id it ja ko lt lv nl no pl pt ro ru sk "
    "sl sr sv ta th tr uk ur vi zh".split()
)
"""The languages that are distinguished, by their codes in ISO 639-1."""

_ENGLISH_ALONE: Final = frozenset(
    "the and are with from this that these which what how when where who whose why does did should must have "
    "has been their they them would could your about into than because while between only also any each "
    "other there its it's is".split()
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_loading = Lock()


def language_of(text: str) -> str:
    """Return the code of the language that a text is written in; English where nothing speaks against it.

    A sentence takes 5 microseconds where it is plainly English, and about 100 elsewhere. The first text that
    is not loads the model, which takes half a second.
    """
    return _language_of(text[:READ_CHARACTERS])


async def load() -> None:
    """Load the model in a thread; it takes 80 MB and up to a second of CPU."""
    await asyncio.to_thread(_identifier)


async def load_for(*texts: str) -> None:
    """Load the model in a thread where a text needs it: on the event loop it would hold up others."""
    if not _identifier.cache_info().currsize and any(_ranked_words(text[:READ_CHARACTERS]) for text in texts):
        await load()


@lru_cache(maxsize=KEPT_TEXTS)
def _language_of(text: str) -> str:
    words = _ranked_words(text)
    if not words:
        return ENGLISH
    ranks: list[tuple[str, float]] = _identifier().rank(" ".join(words))
    language, score = ranks[0]
    english = next(score for code, score in ranks if code == ENGLISH)
    return language if score - english >= CLEARLY_FOREIGN else ENGLISH


def _ranked_words(text: str) -> list[str]:
    """Return the words of a text that only the model can judge; none of one that is plainly English."""
    words = _WORD.findall(text.lower())
    if sum(word in _ENGLISH_ALONE for word in words) >= CLEARLY_ENGLISH:
        return []
    letters = sum(map(len, words))
    is_short = len(words) < MIN_WORDS or letters < MIN_LETTERS
    return [] if not letters or (text.isascii() and is_short) else words


@lru_cache(maxsize=1)
def _identifier() -> Any:
    with _loading:
        return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> Any:
    """Load the model; only under the lock, since two threads that need it at once would both load it."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - half a second

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(LANGUAGES)
    return identifier
