"""The similarity of a question to those for which tools are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from vital_shared.models.text_embedder import TextEmbedder
from vital_shared.tools.base import Tool

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MIN_COSINE", "Meanings"]

MIN_COSINE: Final = 0.70
"""Cosine of bge-small-en-v1.5 from which on a question is near an example.

Of 120 questions (40 that want one of five tools with three examples each, 80 that want none), this suggests
21 rightly and none wrongly; 0.66 would be 32 and 2. Descriptions in the place of examples find 4 with one
wrong. The questions stand in ``tests/tools/meaning_questions.py``; the bound was chosen on them.
"""


class Meanings:
    """The vectors of some tools' examples, made once.

    :param tools: with examples; at least one.
    """

    def __init__(self, tools: Sequence[Tool], embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self._examples = tuple((tool.name, example) for tool in tools for example in tool.examples)
        self._lock = asyncio.Lock()
        self._vectors: NDArray[np.float32] | None = None

    async def near(self, query: str) -> frozenset[str]:
        """Name the tools with an example that the question is near to, by `NEAR`.

        :raises ConfigurationError: when the model cannot be loaded.
        """
        async with self._lock:  # the second question waits for the vectors that the first one makes
            if self._vectors is None:
                self._vectors = await self._embedder.embed_passages([text for _, text in self._examples])
        # Both sides as passages: bge's prefix for queries is for finding texts that answer them.
        vector = (await self._embedder.embed_passages([query]))[0]
        cosines = self._vectors @ vector
        return frozenset(
            name for (name, _), cosine in zip(self._examples, cosines, strict=True) if cosine >= MIN_COSINE
        )
