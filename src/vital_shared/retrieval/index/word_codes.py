"""The words of a text as numbers."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vital_shared.retrieval.words import keyword

__all__ = ["word_codes"]

KEPT_WORDS: Final = 65_536
"""Different words whose codes are remembered."""

_WORD = re.compile(r"[^\W_]+")


def word_codes(text: str) -> NDArray[np.uint64]:
    """Return a code for each word of a text that says something, in its order."""
    codes = np.array([_code(word) for word in _WORD.findall(text.lower())], np.uint64)
    said: NDArray[np.uint64] = codes[codes != 0]
    return said


@lru_cache(maxsize=KEPT_WORDS)
def _code(word: str) -> int:
    """Return 64 bits of a hash, and 0 for a word that says nothing."""
    wanted = keyword(word)
    if not wanted:
        return 0
    return int.from_bytes(hashlib.blake2b(wanted.encode("utf-8", "replace"), digest_size=8).digest(), "big")
