"""Whether one text follows from another: a small DeBERTa, on this machine, where it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vital_shared.retrieval.encoder import Encoder

__all__ = ["Entailment"]

PAIR_TOKENS = 160
"""Tokens of premise and claim together; the graph takes no other length."""


class Entailment:
    """A model that scores claims by their premises with a logit: the lower, the likelier a contradiction.

    :param folder: the folder that `weights.install` put the model into; it is loaded on first use.
    """

    def __init__(self, folder: Path) -> None:
        self._encoder = Encoder(folder, max_tokens=PAIR_TOKENS, is_padded=True)

    async def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Return one logit for each pair of a premise and a claim, in their order.

        :raises ConfigurationError: when the model cannot be loaded.
        """
        if not pairs:
            return np.zeros(0, np.float32)
        logits = await self._encoder.run(list(pairs))
        difference: NDArray[np.float32] = logits[:, 0] - logits[:, 1]
        return difference
