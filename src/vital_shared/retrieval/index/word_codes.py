"""The words of a text as numbers."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vital_shared.retrieval.language import ENGLISH, language_of
from vital_shared.retrieval.stems import SNOWBALL
from vital_shared.retrieval.words import keyword

__all__ = ["LANGUAGE_CODES", "language_in", "question_codes", "word_codes"]

KEPT_WORDS: Final = 65_536
"""Different words whose codes are remembered."""

_WORD = re.compile(r"[^\W_]+")


def word_codes(text: str, language: str = ENGLISH) -> NDArray[np.uint64]:
    """Return a code for each word of a text that says something, in its order.

    :param language: the language by whose endings its words are one; see `language_in`.
    """
    codes = np.array([_code(word, language) for word in _words(text)], np.uint64)
    said: NDArray[np.uint64] = codes[codes != 0]
    return said


def language_in(text: str) -> str:
    """Return the language of a text, where its words can be cut by its endings, else English."""
    language = language_of(text)
    return language if language in SNOWBALL else ENGLISH


def question_codes(text: str, languages: Iterable[str], *, most_words: int) -> list[int]:
    """Return the codes by which passages in English and in other languages have the words of a question.

    A question is too short for its language to be certain, so its words are looked up as in each.
    """
    words = list(dict.fromkeys(_words(text)))
    said = [word for word in words if any(_code(word, language) for language in (ENGLISH, *languages))]
    codes = (_code(word, language) for word in said[:most_words] for language in (ENGLISH, *languages))
    return [code for code in dict.fromkeys(codes) if code]


def _words(text: str) -> list[str]:
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    return _WORD.findall(composed.lower())


@lru_cache(maxsize=KEPT_WORDS)
def _code(word: str, language: str) -> int:
    """Return 64 bits of a hash, and 0 for a word that says nothing."""
    return _hash(wanted) if (wanted := keyword(word, language)) else 0


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")


LANGUAGE_CODES: Final = {language: _hash(f"language {language}") for language in SNOWBALL}
"""Codes that rows in other languages than English have among their words; no word has them, for the blank."""
