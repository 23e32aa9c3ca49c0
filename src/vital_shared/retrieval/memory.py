"""The embedded index as a source: embeddings and keywords of the knowledge store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vital_shared.models.citation import Passage
from vital_shared.retrieval.hybrid import CANDIDATES, merged
from vital_shared.store.knowledge import KnowledgeStore

if TYPE_CHECKING:
    from vital_shared.retrieval.document_embedder import DocumentEmbedder
    from vital_shared.retrieval.embedding import Embedder
    from vital_shared.retrieval.index.index import KnowledgeIndex

__all__ = ["MemorySource"]


class MemorySource:
    """The embedded index as a source: by meaning and by words; by words alone where there is no embedder.

    :param knowledge: the store of the documents.
    :param embedder: the model that also made the stored embeddings, or None.
    :param folder: the folder of the index.
    """

    name = "memory"

    def __init__(
        self, knowledge: KnowledgeStore, embedder: DocumentEmbedder | Embedder | None, folder: Path
    ) -> None:
        self._knowledge = knowledge
        self._embedder = embedder
        self._folder = folder
        self._opened: KnowledgeIndex | None = None

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        """Find at most `limit` passages, best first, of the tenant's own and the shared documents.

        :raises StoreError: when the store does not answer.
        :raises ConfigurationError: when the embedding model cannot be loaded.
        """
        vector = None if self._embedder is None else await self._embedder.embed_query(query)
        found = await self._index.search(query, vector, tenant_id=tenant_id, limit=CANDIDATES)
        scores = merged(found.cosines, found.keywords)
        best = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))[:limit]
        passages = await self._knowledge.passages(best, tenant_id=tenant_id)
        # A chunk may have been deleted since it was found.
        return tuple(
            passages[chunk_id].model_copy(update={"score": scores[chunk_id]})
            for chunk_id in best
            if chunk_id in passages
        )

    async def catch_up(self) -> None:
        """Read into the index what was ingested, so that the next search need not.

        :raises StoreError: when the store does not answer.
        """
        await self._index.catch_up()

    async def aclose(self) -> None:
        """Stop following the store."""
        if self._opened is not None:
            await self._opened.aclose()

    @property
    def _index(self) -> KnowledgeIndex:
        if self._opened is None:
            # Numpy is a tenth of all that the engine loads, and not needed without a search.
            from vital_shared.retrieval.index.index import KnowledgeIndex  # noqa: PLC0415

            model, dimension = (
                ("", 0) if self._embedder is None else (self._embedder.name, self._embedder.dimension)
            )
            self._opened = KnowledgeIndex(self._knowledge, self._folder, model=model, dimension=dimension)
        return self._opened
