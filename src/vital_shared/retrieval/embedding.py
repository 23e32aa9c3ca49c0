"""Texts as vectors, on this machine: bge-small-en-v1.5, or multilingual-e5-small."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from vital_shared.retrieval.embedding_models import BGE, EmbeddingModel
from vital_shared.retrieval.encoder import Encoder

__all__ = ["Embedder"]

KEPT_QUESTIONS = 64
"""Questions whose vectors are kept, the latest: they are asked of several sources."""


class Embedder:
    """A model of 384 dimensions, normalised, so that a dot product is the cosine.

    :param folder: the folder that `weights.install` put the model into; it is loaded on first use.
    """

    dimension = 384

    def __init__(self, folder: Path, model: EmbeddingModel = BGE) -> None:
        self.name = model.name
        self._model = model
        self._encoder = Encoder(folder)
        self._questions: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._embedding: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def warm_up(self) -> None:
        """Load the model now, so that the first question need not wait for it."""
        await self._encoder.warm_up()

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, of shape (384,), which is read-only.

        All sources are asked at the same time, and the first that needs the vector makes it for all.

        :raises ConfigurationError: when the model cannot be loaded.
        """
        async with self._embedding.setdefault(text, asyncio.Lock()):
            vector = self._questions.get(text)
            if vector is None:
                vector = self._questions[text] = await self._embed_question(text)
                if len(self._questions) > KEPT_QUESTIONS:
                    self._questions.popitem(last=False)
            return vector

    @property
    def max_tokens(self) -> int:
        """The tokens of a text that are read; of a longer one, the rest counts for nothing."""
        return self._encoder.max_tokens

    async def count_tokens(self, texts: Sequence[str], *, are_queries: bool = False) -> list[int]:
        """Count the tokens of whole texts, with what the model has put before them.

        :raises ConfigurationError: when the model cannot be loaded.
        """
        prefix = self._model.query_prefix if are_queries else self._model.passage_prefix
        return await self._encoder.count([prefix + text for text in texts])

    async def _embed_question(self, text: str) -> NDArray[np.float32]:
        vectors = await self._encoder.run([self._model.query_prefix + text])
        vector: NDArray[np.float32] = _normalised(vectors)[0]
        vector.flags.writeable = False
        return vector

    async def embed_passages(
        self, texts: Sequence[str], *, side_by_side: bool = False
    ) -> NDArray[np.float32]:
        """Return the vectors of passages, of shape (n, 384), in their order; see `passage_text`.

        :param side_by_side: use all cores. By default one after another, so that documents coming in leave
            workers free for questions.
        :raises ConfigurationError: when the model cannot be loaded.
        """
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        step = max(1, len(texts)) if side_by_side else 1
        for first in range(0, len(texts), step):
            inputs = [self._model.passage_prefix + text for text in texts[first : first + step]]
            vectors[first : first + step] = _normalised(await self._encoder.run(inputs))
        return vectors


def _normalised(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (rows / norms).astype(np.float32)
    return scaled
