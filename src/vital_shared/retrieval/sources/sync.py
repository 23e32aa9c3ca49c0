"""Bring a collection up to date with the knowledge store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from vital_shared.retrieval.collection import (
    Collection,
    CollectionDocument,
    CollectionIndex,
    CollectionPassage,
    DocumentKey,
    IndexModel,
)
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.store.source_documents import DocumentChunk, DocumentVersion, SourceDocuments

if TYPE_CHECKING:
    from vital_shared.retrieval.embedding import Embedder

__all__ = ["CollectionSync", "SyncResult"]

BATCH_DOCUMENTS: Final = 200
BATCH_PASSAGES: Final = 500
"""Passages that are read, embedded where need be, and written at once; a longer document goes alone."""

OnSync = Callable[[int, int], None]
"""Called with the documents done and the documents in all."""


class SyncResult(NamedTuple):
    """The changes of a sync."""

    written: int
    """Documents that were new or changed."""
    deleted: int
    passages: int
    """Passages that were written."""
    has_switched: bool
    """Whether searches are answered from another index than before."""
    needs_switch: bool = False
    """Whether another index would have to be filled, for another embedding model."""


class CollectionSync:
    """A sync: it writes what a collection lacks, and deletes what it should not have.

    Each batch is noted in the store once it is written. So a sync that was killed goes on where it was: only
    the batch at work is written again, and writing twice changes nothing. With another embedding model, or
    where an earlier version has made the index, a new one is filled beside it. The old one answers until all
    is written; only deletions are taken from it.

    Run it under a `SourceLease`.

    :param documents: the ledger of this collection.
    :param embedder: the model of the index; it also embeds what has no embedding of this model yet.
    """

    def __init__(
        self,
        documents: SourceDocuments,
        collection: Collection,
        embedder: Embedder,
        on_sync: OnSync = lambda *_: None,
    ) -> None:
        self._documents = documents
        self._collection = collection
        self._embedder = embedder
        self._on_sync = on_sync
        self._done = self._total = 0

    async def run(self, *, may_switch: bool = True) -> SyncResult:
        """Bring the collection up to date.

        :param may_switch: whether to fill another index where the embedding model is another one, which takes
            long; otherwise only deletions are taken from the index that answers. One of an earlier version is
            made anew in any case, of the embeddings that are stored.
        :raises SourceError: when the source does not answer or refuses; what was written stays.
        :raises StoreError: when the store does not answer.
        :raises ConfigurationError: when the embedding model cannot be loaded.
        """
        index = await self._collection.prepare(IndexModel(self._embedder.name, self._embedder.dimension))
        self._total = await self._documents.behind(index.id)
        self._on_sync(0, self._total)
        deleted = 0
        indexes = await self._collection.indexes()
        for each in indexes:
            deleted = max(deleted, await self._delete_gone(each))
        if not (index.is_active or may_switch or any(map(self._is_outdated, indexes))):
            return SyncResult(0, deleted, 0, has_switched=False, needs_switch=True)
        written, passages = await self._write_outdated(index)
        if not index.is_active:
            await self._collection.activate(index.id)
            await self._documents.keep_only(index.id)
        return SyncResult(written, deleted, passages, has_switched=not index.is_active)

    def _is_outdated(self, index: CollectionIndex) -> bool:
        """Return whether searches are answered from an index that only an earlier version would make."""
        return index.is_active and not index.is_current and index.embedder == self._embedder.name

    async def _delete_gone(self, index: CollectionIndex) -> int:
        deleted = 0
        while gone := await self._documents.gone(index.id, limit=BATCH_DOCUMENTS):
            keys = [DocumentKey(document_id, tenant or None) for document_id, tenant in gone.items()]
            await self._collection.delete(index.id, keys)
            await self._documents.forget(index.id, list(gone))
            deleted += len(gone)
        return deleted

    async def _write_outdated(self, index: CollectionIndex) -> tuple[int, int]:
        written = passages = 0
        while outdated := await self._documents.outdated(index.id, limit=BATCH_DOCUMENTS):
            batch = _first_batch(outdated)
            documents = await self._read(batch)
            await self._collection.put(index.id, documents)
            await self._documents.record(index.id, batch)
            written += len(batch)
            passages += sum(len(document.passages) for document in documents)
            self._on_sync(written, max(self._total, written))
        return written, passages

    async def _read(self, batch: Sequence[DocumentVersion]) -> list[CollectionDocument]:
        pieces: dict[str, list[DocumentChunk]] = defaultdict(list)
        ids = [version.id for version in batch]
        for chunk in await self._documents.chunks_of(ids, model=self._embedder.name):
            pieces[chunk.document_id].append(chunk)
        return [await self._document(version, pieces[version.id]) for version in batch]

    async def _document(
        self, version: DocumentVersion, pieces: Sequence[DocumentChunk]
    ) -> CollectionDocument:
        embeddings = await self._embeddings(version, pieces)
        passages = tuple(
            CollectionPassage(f"{version.id}#{position}", piece.section, piece.text, embedding)
            for position, (piece, embedding) in enumerate(zip(pieces, embeddings, strict=True))
        )
        key = DocumentKey(version.id, version.tenant_id or None)
        return CollectionDocument(key, version.uri, version.title, passages)

    async def _embeddings(self, version: DocumentVersion, pieces: Sequence[DocumentChunk]) -> list[bytes]:
        """Return the stored embeddings, and make those that are missing or of another model."""
        known = [piece.embedding for piece in pieces if self._fits(piece.embedding)]
        if len(known) == len(pieces):
            return [embedding for embedding in known if embedding is not None]
        texts = [passage_text(version.title, piece.section, piece.text) for piece in pieces]
        vectors = await self._embedder.embed_passages(texts)
        return [vector.astype("<f4").tobytes() for vector in vectors]

    def _fits(self, embedding: bytes | None) -> bool:
        return embedding is not None and len(embedding) == 4 * self._embedder.dimension


def _first_batch(outdated: Sequence[DocumentVersion]) -> list[DocumentVersion]:
    """Take as many documents as have `BATCH_PASSAGES` together, and at least one."""
    batch: list[DocumentVersion] = []
    passages = 0
    for version in outdated:
        passages += version.chunks
        if batch and passages > BATCH_PASSAGES:
            break
        batch.append(version)
    return batch
