"""The weights of a search, fitted to questions of which it is known what answers them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Final, NamedTuple

from vital_shared.models.retrieval_tuning import SHIPPED_TUNING
from vital_shared.workflows.evaluation.folds import folds

__all__ = [
    "KEYWORD_WEIGHTS",
    "SOURCE_ORDER",
    "SOURCE_WEIGHTS",
    "BestWeights",
    "Ranks",
    "SearchWeights",
    "best_weights",
]

KEYWORD_WEIGHTS: Final = (0.0, 0.15, 0.3, 0.6, 1.0)
SOURCE_ORDER: Final = 40.0
"""A weight of the sources with which the reranker changes the order of none but equals."""
SOURCE_WEIGHTS: Final = (0.0, 3.0, 8.0, SOURCE_ORDER)

CLEAR_ERRORS: Final = 1.0
"""Standard errors by which other weights have to lead the shipped ones."""


class SearchWeights(NamedTuple):
    """See `RetrievalTuning`."""

    keyword_weight: float
    source_weight: float


SHIPPED: Final = SearchWeights(SHIPPED_TUNING.keyword_weight, SHIPPED_TUNING.source_weight)


class BestWeights(NamedTuple):
    """The weights that do best."""

    weights: SearchWeights
    held_out: Sequence[int | None]
    """The rank of each question by weights that were chosen by the others."""


Ranks = Mapping[SearchWeights, Sequence[int | None]]
"""For each set of weights the rank of each question, in one order."""


def best_weights(ranks: Ranks) -> BestWeights:
    """Return the weights that answer the questions with the fewest passages.

    The shipped ones, which know many collections, stay unless others lead them clearly, on questions too
    that they were not chosen by.
    """
    count = len(ranks[SHIPPED])
    held_out: list[int | None] = [None] * count
    for fold in folds(count):
        chosen = _best(ranks, fold.others)
        for n in fold.held_out:
            held_out[n] = ranks[chosen][n]
    if fmean(map(_worth, held_out)) > fmean(map(_worth, ranks[SHIPPED])):
        return BestWeights(_best(ranks, range(count)), held_out)
    return BestWeights(SHIPPED, ranks[SHIPPED])


def _worth(rank: int | None) -> float:
    """Return the reciprocal rank."""
    return 0.0 if rank is None else 1.0 / rank


def _best(ranks: Ranks, questions: Sequence[int]) -> SearchWeights:
    def leads(weights: SearchWeights) -> float:
        gains = [_worth(ranks[weights][n]) - _worth(ranks[SHIPPED][n]) for n in questions]
        error = stdev(gains) / math.sqrt(len(gains))
        return fmean(gains) - CLEAR_ERRORS * error

    best = max(ranks, key=lambda weights: (leads(weights), weights == SHIPPED))
    return best if leads(best) > 0 else SHIPPED
