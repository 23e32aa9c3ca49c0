"""Parts of the questions, each held out of a fit in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

__all__ = ["Fold", "folds"]

FOLDS: Final = 5


class Fold(NamedTuple):
    """Questions that are held out, and those that a fit knows, by their numbers."""

    held_out: Sequence[int]
    others: Sequence[int]


def folds(count: int) -> Iterator[Fold]:
    """Yield the folds of a number of questions."""
    for first in range(FOLDS):
        yield Fold(range(first, count, FOLDS), [n for n in range(count) if n % FOLDS != first])
