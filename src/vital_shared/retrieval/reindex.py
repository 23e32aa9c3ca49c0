"""Embed the stored documents with another model, while they are searched with the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from vital_shared.retrieval.passage_text import passage_text
from vital_shared.store.chunk_embeddings import ChunkEmbeddings, ChunkText

if TYPE_CHECKING:
    from vital_shared.retrieval.embedding import Embedder

__all__ = ["OnReindex", "Reindex"]

BATCH_PASSAGES: Final = 32
"""Passages embedded and written at once: as many are embedded again after a process was killed."""

OnReindex = Callable[[int, int], None]
"""Called with the passages done and the passages in all."""


class Reindex:
    """A run that embeds all passages with a model, batch by batch, and then lets it take over.

    Each batch is kept once it is written, so that after a process was killed it is not embedded again.
    Documents that come in meanwhile are embedded by the model before, and here in the next round.

    Run it under a `SourceLease`.

    :param embeddings: those by the model that is to take over.
    :param embedder: that model.
    """

    def __init__(
        self, embeddings: ChunkEmbeddings, embedder: Embedder, on_reindex: OnReindex = lambda *_: None
    ) -> None:
        self._embeddings = embeddings
        self._embedder = embedder
        self._on_reindex = on_reindex
        self._done = self._total = 0

    async def run(self) -> int:
        """Embed what is not embedded yet, and switch; return the number of passages that were embedded.

        :raises StoreError: when the store does not answer; what was embedded stays.
        :raises ConfigurationError: when the model cannot be loaded.
        """
        self._total = await self._embeddings.missing_count()
        self._on_reindex(0, self._total)
        await self._embed_missing()
        while not await self._embeddings.take_over():
            await self._embed_missing()
        await self._embeddings.remove_others()
        return self._done

    async def _embed_missing(self) -> None:
        last_id = 0
        while batch := await self._embeddings.missing(after_id=last_id, limit=BATCH_PASSAGES):
            self._done += await self._embeddings.put(await self._embedded(batch))
            last_id = batch[-1].id
            self._on_reindex(self._done, max(self._total, self._done))

    async def _embedded(self, batch: Sequence[ChunkText]) -> dict[int, bytes]:
        texts = [passage_text(chunk.title, chunk.section, chunk.text) for chunk in batch]
        vectors = await self._embedder.embed_passages(texts, side_by_side=True)
        return {
            chunk.id: vector.astype("<f4").tobytes() for chunk, vector in zip(batch, vectors, strict=True)
        }
