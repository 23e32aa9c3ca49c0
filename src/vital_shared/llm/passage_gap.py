"""The lead of the best passage over the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vital_shared.models.citation import Passage

__all__ = ["passage_gap"]

MAX_GAP: Final = 6.0


def passage_gap(passages: Sequence[Passage]) -> float:
    """Return how far the best passage is ahead of the second, in logits."""
    scores = sorted((passage.score for passage in passages[:2]), reverse=True)
    return min(MAX_GAP, scores[0] - scores[1]) if len(scores) > 1 else MAX_GAP / 2
