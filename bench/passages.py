"""Passages as many as are wanted, made of the words of real text: their frequencies are those of English."""

from __future__ import annotations

import pydoc_data.topics
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KNOWLEDGE = Path(__file__).parent.parent / "examples" / "knowledge"
PASSAGE_WORDS = 120
COMMON_WORDS = 20
"""The first words by frequency, which say nothing."""
RARE_WORDS = 200_000
"""Names, numbers and codes that no dictionary has; each new text brings some."""
RARE_SHARE = 0.04
"""Share of all words."""


class Vocabulary:
    """Draws words: most as frequent as in the real text, some as rare as names are (Zipf's law).

    :param seed: the same seed gives the same words.
    """

    def __init__(self, seed: int) -> None:
        counts = Counter(re.findall(r"[a-z]{2,}", _real_text().lower()))
        words, frequencies = zip(*counts.most_common(), strict=True)
        self._random = np.random.default_rng(seed)
        self._words = np.array([*words, *(f"{_letters(n)}-{n % 9973}" for n in range(RARE_WORDS))])
        real = np.array(frequencies) / sum(frequencies) * (1 - RARE_SHARE)
        rare = 1 / np.arange(10, RARE_WORDS + 10)
        self._cumulated = np.cumsum([*real, *(rare / rare.sum() * RARE_SHARE)])

    def texts(self, number: int) -> Iterator[str]:
        """Make passages of 60 to 180 words."""
        for size in self._random.integers(PASSAGE_WORDS // 2, PASSAGE_WORDS * 3 // 2, number):
            yield " ".join(self._draw(int(size)))

    def question(self, text: str) -> str:
        """Ask for four words of a passage, with the little words that questions have."""
        words = [word for word in text.split() if word not in set(self._words[:COMMON_WORDS])]
        chosen = self._random.choice(words, 4)
        return "What is the {} of the {} when a {} is used with {}?".format(*chosen)

    def vectors(self, number: int, dimension: int) -> NDArray[np.float32]:
        """Draw normalised vectors."""
        rows = self._random.standard_normal((number, dimension), np.float32)
        normalised: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return normalised

    def _draw(self, number: int) -> list[str]:
        places = np.searchsorted(self._cumulated, self._random.random(number) * self._cumulated[-1])
        drawn: list[str] = self._words[places].tolist()
        return drawn


def _real_text() -> str:
    documents = [path for path in sorted(KNOWLEDGE.iterdir()) if path.suffix in {".md", ".txt"}]
    return "\n".join([*pydoc_data.topics.topics.values(), *(path.read_text("utf-8") for path in documents)])


def _letters(number: int) -> str:
    """Spell a number in syllables, so that it reads as a name."""
    syllables = ("ba", "ko", "ri", "mu", "te", "sa", "ni", "lo", "ve", "du")
    return "".join(syllables[int(digit)] for digit in str(number))
