"""The number of tokens of a text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Count", "WordPieces", "at_most", "count_roughly", "estimate_tokens"]

EXACT_CHARACTERS: Final = 16_384
"""A longer text is counted by samples where the time for all of it is not there."""

SAMPLE_COUNT: Final = 4

ASCII_CHARACTERS_PER_TOKEN: Final = 4
EXTRA_BYTES_PER_TOKEN: Final = 2
"""Bytes beyond the first of each character: half a token for a Greek or Cyrillic letter, one for a Chinese or
Thai character, one and a half for an emoji."""

MAX_UNDERCOUNT_FACTOR: Final = 2
"""A count below the estimate by more than this factor has missed text that its vocabulary does not know."""

Count = Callable[[str], int]
"""A counter of a text's tokens."""


class WordPieces:
    """A token counter with the tokenizer of the embedded model (WordPiece, 30,000 pieces).

    Every provider has a vocabulary of its own, and few publish it. This one is smaller than theirs, and so
    counts rather more.

    :param folder: holds ``tokenizer.json``; it is loaded on first use, for which call it off the event loop.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tokenizer.json"
        self._lock = Lock()
        self._tokenizer: Tokenizer | None = None
        self._counted = lru_cache(maxsize=2_048)(self._count)  # a conversation's texts come again and again

    @property
    def is_loaded(self) -> bool:
        """Whether counting takes no longer than the text does."""
        return self._tokenizer is not None

    def __call__(self, text: str) -> int:
        """Count."""
        return self._counted(text) if len(text) <= EXACT_CHARACTERS else self._count(text)

    def _count(self, text: str) -> int:
        pieces = len(self._loaded().encode(text, add_special_tokens=False).ids)
        # One piece stands for a whole word of an unknown script, and for one of more than 100 characters.
        return max(pieces, estimate_tokens(text) // MAX_UNDERCOUNT_FACTOR)

    def _loaded(self) -> Tokenizer:
        with self._lock:
            if self._tokenizer is None:
                from tokenizers import Tokenizer  # noqa: PLC0415 - an extra, and slow to import

                self._tokenizer = Tokenizer.from_file(str(self._path))
                self._tokenizer.no_truncation()
                self._tokenizer.no_padding()
            return self._tokenizer


def estimate_tokens(text: str) -> int:
    """Return a realistic count where there is no tokenizer: four ASCII characters, or one Chinese, a token.

    It is a rule of thumb of the byte-pair vocabularies of today's providers; most texts are within a
    factor of two. Where money or room must suffice, take `at_most`.
    """
    extra_bytes = at_most(text) - len(text)
    ascii_characters = len(text) if not extra_bytes else len(text.encode("ascii", "ignore"))
    return -(-ascii_characters // ASCII_CHARACTERS_PER_TOKEN) + -(-extra_bytes // EXTRA_BYTES_PER_TOKEN)


def at_most(text: str) -> int:
    """Return a bound where there is no tokenizer: no vocabulary of byte pairs has more tokens than bytes."""
    return len(text.encode("utf-8", "replace"))


def count_roughly(count: Count, text: str) -> int:
    """Count a text in a bounded time: what a long one has is taken from parts of it, evenly spread."""
    if len(text) <= EXACT_CHARACTERS:
        return count(text)
    size, step = (
        EXACT_CHARACTERS // SAMPLE_COUNT,
        (len(text) - EXACT_CHARACTERS // SAMPLE_COUNT) // (SAMPLE_COUNT - 1),
    )
    parts = [text[place * step : place * step + size] for place in range(SAMPLE_COUNT)]
    return sum(map(count, parts)) * len(text) // (size * SAMPLE_COUNT)
