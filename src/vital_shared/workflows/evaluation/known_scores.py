"""A reranker that scores each pair once: a tuning asks for the same ones under each set of weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vital_shared.retrieval.rerank import Reranker

__all__ = ["KnownScores"]


class KnownScores:
    """The scores of a reranker, kept as long as this object."""

    def __init__(self, reranker: Reranker) -> None:
        self.name = reranker.name
        self._reranker = reranker
        self._scores: dict[tuple[str, str], float] = {}

    def scorer(self, query: str) -> str:
        """Return the name of the model that scores texts against a question."""
        return self._reranker.scorer(query)

    async def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one logit for each text, in their order.

        :raises ConfigurationError: when the model cannot be loaded.
        """
        missing = [text for text in dict.fromkeys(texts) if (query, text) not in self._scores]
        for text, logit in zip(missing, await self._reranker.score(query, missing), strict=True):
            self._scores[query, text] = float(logit)
        return np.array([self._scores[query, text] for text in texts], np.float32)
