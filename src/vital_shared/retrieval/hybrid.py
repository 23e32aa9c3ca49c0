"""One order out of two: how near passages are in meaning, and which of the question's words they have."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, TypeVar

__all__ = ["CANDIDATES", "merged"]

K = TypeVar("K", bound=Hashable)

CANDIDATES: Final = 30
"""Passages that each side contributes."""


def merged(
    cosines: Mapping[K, float], keyword: Mapping[K, float], *, keyword_weight: float
) -> dict[K, float]:
    """Add the two scores, each scaled to the range of its candidates, the keywords' with their weight.

    Ranks alone (reciprocal rank fusion) would make the second-best keyword hit worth as much as the
    second-nearest passage however weak it is, which measured worse than the cosines alone.
    """
    near = _scaled(cosines, low=min(cosines.values(), default=0.0))
    words = _scaled(keyword, low=0.0)
    return {
        chunk_id: near.get(chunk_id, 0.0) + keyword_weight * words.get(chunk_id, 0.0)
        for chunk_id in near.keys() | words.keys()
    }


def _scaled(scores: Mapping[K, float], *, low: float) -> dict[K, float]:
    span = max(scores.values(), default=0.0) - low
    return {key: (score - low) / span if span > 0 else 1.0 for key, score in scores.items()}
