"""The embedded index as a source: embeddings and keywords of the knowledge store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vital_shared.models.citation import Passage
from vital_shared.retrieval.hybrid import CANDIDATES, merged
from vital_shared.retrieval.together import together
from vital_shared.store.knowledge import KnowledgeStore

if TYPE_CHECKING:
    from vital_shared.retrieval.embedding import Embedder
    from vital_shared.retrieval.vectors import VectorIndex

__all__ = ["MemorySource"]


class MemorySource:
    """Finds passages by meaning and by words; by words alone where there is no embedder.

    :param knowledge: where the documents are.
    :param embedder: the model that also made the stored embeddings, or None.
    """

    name = "memory"

    def __init__(self, knowledge: KnowledgeStore, embedder: Embedder | None) -> None:
        self._knowledge = knowledge
        self._embedder = embedder
        self._index = None if embedder is None else _index(knowledge, embedder.dimension)

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        """Find at most `limit` passages, best first, of the tenant's own and the shared documents.

        :raises StoreError: when the store does not answer.
        :raises ConfigurationError: when the embedding model cannot be loaded.
        """
        scores = await self._scores(query, tenant_id)
        best = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))[:limit]
        passages = await self._knowledge.passages(best, tenant_id=tenant_id)
        # A chunk may have been deleted since it was found.
        return tuple(
            passages[chunk_id].model_copy(update={"score": scores[chunk_id]})
            for chunk_id in best
            if chunk_id in passages
        )

    async def _scores(self, query: str, tenant_id: str) -> dict[int, float]:
        if self._embedder is None or self._index is None:
            return merged({}, await self._by_keyword(query, tenant_id))
        keyword, vector = await together(
            self._by_keyword(query, tenant_id), self._embedder.embed_query(query)
        )
        cosines = await self._index.nearest(vector, tenant_id=tenant_id, limit=CANDIDATES, also=keyword)
        return merged(cosines, keyword)

    async def _by_keyword(self, query: str, tenant_id: str) -> dict[int, float]:
        hits = await self._knowledge.keyword_search(query, tenant_id=tenant_id, limit=CANDIDATES)
        return {hit.chunk_id: hit.score for hit in hits}


def _index(knowledge: KnowledgeStore, dimension: int) -> VectorIndex:
    from vital_shared.retrieval.vectors import VectorIndex  # noqa: PLC0415 - numpy, for which see `Services`

    return VectorIndex(knowledge, dimension=dimension)
