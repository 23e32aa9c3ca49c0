"""Words of other languages than English without their endings, and those that carry no meaning."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any, Final

__all__ = ["stem", "stop_words"]

SNOWBALL: Final = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "es": "spanish",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""The languages with a stemmer, by their codes: https://snowballstem.org/algorithms/."""

KEPT_STEMS: Final = 16_384

_stemming: Final = Lock()
"""Guard of the stemmers, which keep the word they work on in themselves, from other threads."""


@lru_cache(maxsize=KEPT_STEMS)
def stem(word: str, language: str) -> str:
    """Return a word in lower case without its ending, where the language has a stemmer."""
    name = SNOWBALL.get(language)
    if name is None:
        return word
    with _stemming:
        stemmed: str = _stemmer(name).stemWord(word)
    return stemmed


@lru_cache(maxsize=len(SNOWBALL) * 2)
def stop_words(language: str) -> frozenset[str]:
    """Return the words of a language that carry no meaning; none where they are not known."""
    import stop_words as lists  # noqa: PLC0415 - not needed for English

    if language not in lists.LANGUAGE_MAPPING:
        return frozenset()
    return frozenset(lists.get_stop_words(language))


@lru_cache(maxsize=len(SNOWBALL))
def _stemmer(name: str) -> Any:
    import snowballstemmer  # noqa: PLC0415 - not needed for English

    return snowballstemmer.stemmer(name)
