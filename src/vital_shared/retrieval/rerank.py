"""How well a text answers a question: the ms-marco-MiniLM-L-12 cross-encoder, on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vital_shared.retrieval.encoder import Encoder

__all__ = ["Reranker"]

MAX_TOKENS = 256
"""Of question and text together: time grows with it, and chunks are seldom longer."""


class Reranker:
    """Scores texts against a question with a logit: about -11 (nothing to do with it) to 11 (answers it).

    :param folder: where `weights.install` put the model; it is loaded on first use.
    """

    def __init__(self, folder: Path) -> None:
        self._encoder = Encoder(folder, max_tokens=MAX_TOKENS)

    async def warm_up(self) -> None:
        """Load the model now, so that the first question need not wait for it."""
        await self._encoder.warm_up()

    async def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one logit for each text, in their order.

        :raises ConfigurationError: when the model cannot be loaded.
        """
        if not texts:
            return np.zeros(0, np.float32)
        logits = await self._encoder.run([(query, text) for text in texts])
        return logits[:, 0]
