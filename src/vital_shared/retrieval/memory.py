"""The embedded index as a source: embeddings and keywords of the knowledge store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vital_shared.models.citation import Passage
from vital_shared.models.retrieval_tuning import RetrievalTuning
from vital_shared.retrieval.document_embedder import DocumentEmbedder
from vital_shared.retrieval.hybrid import CANDIDATES, merged
from vital_shared.retrieval.tunings import Tunings, tuning_for
from vital_shared.store.knowledge import EmbeddedState, KnowledgeStore

if TYPE_CHECKING:
    from vital_shared.retrieval.embedding import Embedder
    from vital_shared.retrieval.index.index import KnowledgeIndex

__all__ = ["MemorySource", "ScoredPassage"]


class ScoredPassage(NamedTuple):
    """A passage, whose score is the fused one, with the two scores that this was made of."""

    passage: Passage
    cosine: float | None
    """None: it was not among the nearest, or there is no embedder."""
    keyword: float | None
    """None: it was not among those with the question's words."""


class MemorySource:
    """The embedded index as a source: by meaning and by words; by words alone where there is no embedder.

    :param knowledge: the store of the documents.
    :param embedder: the model that also made the stored embeddings, or None.
    :param folder: the folder of the index.
    :param tunings: None: all tenants' documents are searched by the shipped tuning.
    """

    name = "memory"

    def __init__(
        self,
        knowledge: KnowledgeStore,
        embedder: DocumentEmbedder | Embedder | None,
        folder: Path,
        tunings: Tunings | None = None,
    ) -> None:
        self._tunings = tunings
        self._knowledge = knowledge
        self._embedder = embedder
        self._folder = folder
        self._opened: _Opened | None = None
        self._opening = asyncio.Lock()
        self._finishing: set[asyncio.Task[None]] = set()

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        """Find at most `limit` passages, best first, of the tenant's own and the shared documents.

        :raises StoreError: when the store does not answer.
        :raises ConfigurationError: when the embedding model cannot be loaded.
        """
        tuning = await tuning_for(tenant_id, self._tunings)
        return await self.search_by(tuning, query, tenant_id=tenant_id, limit=limit)

    async def search_by(
        self, tuning: RetrievalTuning, query: str, *, tenant_id: str, limit: int
    ) -> tuple[Passage, ...]:
        """Find at most `limit` passages, best first, by this tuning in place of the one in force.

        :raises StoreError: when the store does not answer.
        :raises ConfigurationError: when the embedding model cannot be loaded.
        """
        scored = await self.search_scored(tuning, query, tenant_id=tenant_id, limit=limit)
        return tuple(each.passage for each in scored)

    async def search_scored(
        self, tuning: RetrievalTuning, query: str, *, tenant_id: str, limit: int
    ) -> tuple[ScoredPassage, ...]:
        """Find what `search_by` finds, with the scores that its order comes from.

        :raises StoreError: when the store does not answer.
        :raises ConfigurationError: when the embedding model cannot be loaded.
        """
        _, index, embedder = await self._current()
        vector = None if embedder is None else await embedder.embed_query(query)
        found = await index.search(query, vector, tenant_id=tenant_id, limit=CANDIDATES)
        scores = merged(found.cosines, found.keywords, keyword_weight=tuning.keyword_weight)
        best = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))[:limit]
        passages = await self._knowledge.passages(best, tenant_id=tenant_id)
        # A chunk may have been deleted since it was found.
        return tuple(
            ScoredPassage(
                passages[chunk_id].model_copy(update={"score": scores[chunk_id]}),
                found.cosines.get(chunk_id),
                found.keywords.get(chunk_id),
            )
            for chunk_id in best
            if chunk_id in passages
        )

    async def catch_up(self) -> None:
        """Read into the index what was ingested, so that the next search need not.

        :raises StoreError: when the store does not answer.
        """
        await (await self._current()).searched.catch_up()

    async def aclose(self) -> None:
        """Stop following the store."""
        for task in self._finishing:
            task.cancel()
        await asyncio.gather(*self._finishing, return_exceptions=True)
        if self._opened is not None:
            await self._opened.searched.aclose()

    async def _current(self) -> _Opened:
        """Return the index of the model in use, another one after the documents were embedded anew."""
        state = await self._knowledge.embedded_state()
        if self._opened is not None and self._opened.state == state:
            return self._opened
        async with self._opening:
            # Once more: what was read may be older than what another search has opened since.
            state = await self._knowledge.embedded_state()
            if self._opened is None or self._opened.state != state:
                opened = self._open(state)
                if self._opened is not None:
                    self._finish(self._opened.searched)
                self._opened = opened
            return self._opened

    def _open(self, state: EmbeddedState) -> _Opened:
        # Numpy is a tenth of all that the engine loads, and not needed without a search.
        from vital_shared.retrieval.index.index import KnowledgeIndex  # noqa: PLC0415

        chosen = self._embedder
        embedder = chosen.named(state.model) if isinstance(chosen, DocumentEmbedder) else chosen
        model, dimension = ("", 0) if embedder is None else (embedder.name, embedder.dimension)
        index = KnowledgeIndex(self._knowledge, self._folder, model=model, dimension=dimension)
        return _Opened(state, index, embedder)

    def _finish(self, index: KnowledgeIndex) -> None:
        task = asyncio.create_task(index.finish())
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)


class _Opened(NamedTuple):
    """The index of a state, and the model that questions are embedded with for it."""

    state: EmbeddedState
    searched: KnowledgeIndex
    embedder: Embedder | None
