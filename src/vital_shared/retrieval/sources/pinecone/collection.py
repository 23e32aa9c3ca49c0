"""The collection of documents in Pinecone."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from vital_shared.errors import SourceError
from vital_shared.models.citation import Passage
from vital_shared.models.retrieval_tuning import RetrievalTuning
from vital_shared.retrieval.collection import (
    CollectionDocument,
    CollectionIndex,
    DocumentKey,
    IndexModel,
)
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.search_usage import UsageKind
from vital_shared.retrieval.sources.guard import SourceGuard
from vital_shared.retrieval.sources.pinecone.active import READ_AGAIN_SECONDS, RECENT_SECONDS, ActiveIndex
from vital_shared.retrieval.sources.pinecone.client import (
    MAX_CONNECTIONS,
    SOURCE_NAME,
    PineconeClient,
    PineconeRefused,
)
from vital_shared.retrieval.sources.pinecone.hosted import HostedEmbedder
from vital_shared.retrieval.sources.pinecone.indexes import IndexRecord, IndexRecords, answering
from vital_shared.retrieval.sources.pinecone.keywords import SPARSE_VERSION
from vital_shared.retrieval.sources.pinecone.namespaces import index_of, namespace_of
from vital_shared.retrieval.sources.pinecone.records import records_of
from vital_shared.retrieval.sources.pinecone.search import PineconeSearch, QueryEmbedder
from vital_shared.retrieval.sources.pinecone.stats import PineconeStats, read_stats
from vital_shared.retrieval.sources.pinecone.writing import NamespaceWriter
from vital_shared.retrieval.tunings import Tunings, tuning_for

__all__ = ["PineconeCollection"]

DROP_SECONDS: Final = 30.0


class PineconeCollection:
    """Documents in one index of Pinecone's, with a namespace for each tenant.

    :param clients: the index's own first, and that of the hosted models where there is one; closed together.
    :param search: asks the index.
    :param embedders: the models on this machine, by name.
    :param hosted: makes all vectors instead.
    :param usage_kinds: the charges for searches.
    :param tunings: None: all tenants' documents are searched by the shipped tuning.
    :param sleep: waits between two looks for what was written.
    """

    name = SOURCE_NAME

    def __init__(
        self,
        clients: Sequence[PineconeClient],
        search: PineconeSearch,
        guard: SourceGuard,
        *,
        embedders: Mapping[str, QueryEmbedder],
        usage_kinds: tuple[UsageKind, ...],
        hosted: HostedEmbedder | None = None,
        tunings: Tunings | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.usage_kinds = usage_kinds
        self._clients = clients
        self._client = clients[0]
        self._search = search
        self._guard = guard
        self._hosted = hosted
        self._tunings = tunings
        self._embedders = {**embedders, **({hosted.name: hosted} if hosted else {})}
        self._sleep = sleep
        self._records = IndexRecords(self._client, sleep=sleep)
        self._active = ActiveIndex(self._records)

    @property
    def connections(self) -> tuple[int, int]:
        """The number of connections that there may be, and of those in use."""
        return len(self._clients) * MAX_CONNECTIONS, sum(client.in_use for client in self._clients)

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        """Find at most `limit` passages, best first, of the tenant's own and the shared documents.

        :raises SourceError: when Pinecone does not answer, or is left alone.
        """
        tuning = await tuning_for(tenant_id, self._tunings)
        return await self.search_by(tuning, query, tenant_id=tenant_id, limit=limit)

    async def search_by(
        self, tuning: RetrievalTuning, query: str, *, tenant_id: str, limit: int
    ) -> tuple[Passage, ...]:
        """Search as `search` does, by this tuning in place of the one in force.

        :raises SourceError: when Pinecone does not answer, or is left alone.
        """
        async with self._guard.search():
            index = await self._active.get()
            found = await self._find(index, tuning, query, tenant_id=tenant_id, limit=limit)
            if found:
                return found
            # Another process may have activated a new index and dropped this one.
            newer = await self._active.get(max_age_seconds=RECENT_SECONDS)
            if newer == index:
                return ()
            return await self._find(newer, tuning, query, tenant_id=tenant_id, limit=limit)

    async def ping(self) -> None:
        """Ask for a sign of life, which costs nothing."""
        await read_stats(self._client)

    async def indexes(self) -> tuple[CollectionIndex, ...]:
        """Return the indexes that there are, the newest first."""
        stats, records = await read_stats(self._client), await self._records.all()
        active = answering(records)
        return tuple(_described(record, stats, active) for record in records)

    async def prepare(self, model: IndexModel) -> CollectionIndex:
        """Return the newest index made with this model, or make one.

        Where a hosted model makes the vectors, it takes the place of `model`.
        """
        stats = await read_stats(self._client)
        if self._hosted is not None:
            model = IndexModel(self._hosted.name, stats.dimension)
        if model.dimension != stats.dimension:
            raise SourceError(
                f"The index at VITAL_PINECONE_HOST has {stats.dimension} dimensions, and {model.embedder} "
                f"makes {model.dimension}: make an index of {model.dimension}, and set the host to it."
            )
        records = await self._records.all()
        wanted = (model.embedder, model.dimension, SPARSE_VERSION)
        made = (each for each in records if (each.embedder, each.dimension, each.keywords) == wanted)
        record = next(made, None) or await self._records.add(model)
        return _described(record, stats, answering(records))

    async def put(self, index_id: str, documents: Sequence[CollectionDocument]) -> None:
        """Write documents, each in place of all that the index has of it.

        Returns once a search can find them.
        """
        index = await self._record(index_id)
        by_tenant: dict[str | None, list[CollectionDocument]] = defaultdict(list)
        for document in documents:
            by_tenant[document.key.tenant_id].append(document)
        for tenant_id, own in by_tenant.items():
            writer = self._writer(index, tenant_id)
            vectors = [await self._vectors(index, document) for document in own]
            await writer.upsert(chain.from_iterable(map(records_of, own, vectors)))
            await writer.delete([_beyond(document) for document in own])
            await writer.wait_until_visible()

    async def delete(self, index_id: str, documents: Sequence[DocumentKey]) -> None:
        """Delete documents with all their passages; those that are not there are passed over."""
        index = await self._record(index_id)
        by_tenant: dict[str | None, list[str]] = defaultdict(list)
        for key in documents:
            by_tenant[key.tenant_id].append(key.id)
        for tenant_id, ids in by_tenant.items():
            writer = self._writer(index, tenant_id)
            await writer.delete([{"document_id": {"$eq": each}} for each in ids])
            await writer.wait_until_visible()

    async def activate(self, index_id: str) -> None:
        """Answer searches from this complete index from now on, and drop the others.

        They are dropped a minute later, when all processes have seen that they no longer answer.
        """
        self._active.set(await self._records.activate(await self._record(index_id)))
        others = frozenset(each.id for each in await self._records.all()) - {index_id}
        if others:
            await self._sleep(READ_AGAIN_SECONDS)
            await self._drop(others)

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self._clients:
            await client.aclose()

    async def _find(
        self, index: IndexRecord | None, tuning: RetrievalTuning, query: str, *, tenant_id: str, limit: int
    ) -> tuple[Passage, ...]:
        if index is None:
            return ()
        embedder = self._embedders.get(index.embedder)
        if embedder is None and self._embedders:
            raise SourceError(
                f"The documents in Pinecone were embedded with {index.embedder}, which is not here: install "
                "it, or run `vital sources sync pinecone` to embed them again."
            )
        return await self._search.find(index, embedder, tuning, query, tenant_id=tenant_id, limit=limit)

    async def _record(self, index_id: str) -> IndexRecord:
        record = next((each for each in await self._records.all() if each.id == index_id), None)
        if record is None:
            raise SourceError(f"Pinecone no longer has the index {index_id}: sync again to create one.")
        return record

    async def _vectors(
        self, index: IndexRecord, document: CollectionDocument
    ) -> Sequence[NDArray[np.float32]]:
        if self._hosted is None or index.embedder != self._hosted.name:
            return [np.frombuffer(passage.embedding, np.dtype("<f4")) for passage in document.passages]
        texts = [passage_text(document.title, each.section, each.text) for each in document.passages]
        return tuple(await self._hosted.embed_passages(texts)) if texts else ()

    def _writer(self, index: IndexRecord, tenant_id: str | None) -> NamespaceWriter:
        return NamespaceWriter(
            self._client, namespace_of(index.id, tenant_id), index.dimension, sleep=self._sleep
        )

    async def _drop(self, index_ids: frozenset[str]) -> None:
        """Drop the namespaces, then the records: what is still recorded is dropped the next time."""
        for namespace in (await read_stats(self._client)).counts:
            if index_of(namespace) in index_ids:
                await self._drop_namespace(namespace)
        await self._records.remove(index_ids)

    async def _drop_namespace(self, namespace: str) -> None:
        try:
            await self._client.delete(f"/namespaces/{quote(namespace, safe='')}", seconds=DROP_SECONDS)
        except PineconeRefused as error:
            if error.status != 404:  # it is gone already
                raise


def _beyond(document: CollectionDocument) -> dict[str, Any]:
    """Match the records that an earlier, longer version of a document has left."""
    beyond = {"position": {"$gte": len(document.passages)}}
    return {"$and": [{"document_id": {"$eq": document.key.id}}, beyond]}


def _described(record: IndexRecord, stats: PineconeStats, active: IndexRecord | None) -> CollectionIndex:
    return CollectionIndex(
        id=record.id,
        embedder=record.embedder,
        dimension=record.dimension,
        passages=stats.passages(record.id),
        is_active=record == active,
        is_current=record.keywords >= SPARSE_VERSION,
    )
