"""Files into the knowledge of a tenant."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from vital_shared.errors import EmbeddingModelChanged, IngestError, NotFound
from vital_shared.models.knowledge import Document
from vital_shared.retrieval.document_embedder import DocumentEmbedder
from vital_shared.retrieval.ingest.embedded import ChunkEmbedder, EmbeddedChunks
from vital_shared.retrieval.ingest.files import (
    FoundFile,
    file_address,
    file_hash,
    find_files,
    is_gone,
    longer_names,
    read_file,
)
from vital_shared.retrieval.ingest.limits import DEFAULT_LIMITS, Limits
from vital_shared.retrieval.ingest.parse import media_type_of
from vital_shared.retrieval.ingest.read import Contents
from vital_shared.retrieval.ingest.reader_pool import READERS, ReaderPool
from vital_shared.retrieval.ingest.result import IngestResult
from vital_shared.store.document_files import ClaimedFile, DocumentFiles, NameTaken
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.staged_embeddings import StagedEmbeddings

if TYPE_CHECKING:
    from vital_shared.retrieval.embedding import Embedder

__all__ = ["Ingestor", "OnProgress"]

MAX_CONCURRENT_FILES: Final = 4
"""Files under way: while one is stored, the next ones are read and embedded, so that no core waits."""

SAMPLED_FILES: Final = 8
SAMPLED_PASSAGES: Final = 4
"""Read of as many files to choose the embedding model by."""

OnProgress = Callable[[float, int], None]
"""Called with the files done, one in progress counting in part, and the files in all."""


class Ingestor:
    """The ingestion of documents: reads, splits and embeds them, and stores each in one transaction.

    Parsing and embedding come first: a failure, or a cancellation, leaves the older version whole, and the
    next ingestion of the same document goes on where it broke off.

    :param embedder: None where no model is installed: then keywords alone find the documents,
        until they are ingested again with one.
    :param limits: beyond them a document is refused.
    :param readers: the processes that read documents.
    :param uses_all_cores: embed passages side by side, where no questions are waiting for the same cores.
    """

    def __init__(
        self,
        knowledge: KnowledgeStore,
        embedder: DocumentEmbedder | Embedder | None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        readers: ReaderPool = READERS,
        uses_all_cores: bool = False,
    ) -> None:
        self._knowledge = knowledge
        self._files = DocumentFiles(knowledge.database)
        self._embedder = embedder
        self._chunk_embedder = ChunkEmbedder(
            embedder, StagedEmbeddings(knowledge.database), uses_all_cores=uses_all_cores
        )
        self._limits = limits
        self._readers = readers

    async def ingest_bytes(
        self, data: bytes, *, uri: str, tenant_id: str | None, media_type: str | None = None
    ) -> IngestResult:
        """Store a document, in place of an older one with the same tenant and uri.

        :param tenant_id: its owner; None: shared by all.
        :param media_type: as HTTP gives it; None: by the suffix of `uri`.
        :raises IngestError: when it cannot be read, or is too large.
        """
        return await self._ingest(data, uri, tenant_id, media_type)

    async def ingest_paths(
        self,
        paths: Iterable[Path],
        *,
        tenant_id: str | None,
        prune: bool = False,
        on_progress: OnProgress | None = None,
    ) -> AsyncIterator[IngestResult]:
        """Store files, and all readable files in folders; yields what became of each, as it is done.

        A file that cannot be read is a result that says so. See `find_files` for the names under which files
        are stored; where a name is another file's, more of its folders are put before it. Documents whose
        files are gone from the folders are named, unless nothing can be read there any more.

        :param prune: remove those documents.
        """
        named = list(paths)
        found = await asyncio.to_thread(find_files, named)
        await self._choose_model(found)
        done = 0

        def report(number: int, part: float) -> None:
            if on_progress is not None and number == done:  # those after it are ahead of their turn
                on_progress(done + part, len(found))

        async for entry, prepared in self._prepared(found, tenant_id, report):
            report(done, 0)
            try:
                result = await self._ingest_file(entry, await prepared, tenant_id)
            except IngestError as error:
                kept = await self._kept_version(entry, tenant_id)
                message = " ".join(filter(None, (error.message, kept)))
                result = IngestResult(uri=entry.uri, status="failed", message=message)
            report(done, 1)
            done += 1
            yield result
        readable = [entry.path for entry in found if entry.error is None]
        for folder in named:
            if any(path.is_relative_to(folder) for path in readable if folder != path):
                async for result in self._gone_from(folder, tenant_id, prune=prune):
                    yield result

    async def _kept_version(self, entry: FoundFile, tenant_id: str | None) -> str:
        """Return a sentence where an earlier version of a file that cannot be read is stored."""
        path = await asyncio.to_thread(file_address, entry.path)
        uri = await self._files.uri_of(path, tenant_id=tenant_id)
        return f"The earlier version of {uri} is still answered from." if uri else ""

    async def _choose_model(self, found: Sequence[FoundFile]) -> None:
        """Let the model of an empty store be chosen by files from all over, and not by the first alone."""
        if not isinstance(self._embedder, DocumentEmbedder) or await self._knowledge.embedding_model():
            return
        texts: list[str] = []
        for entry in found[:: max(1, len(found) // SAMPLED_FILES)]:
            with suppress(IngestError):  # reported when it is ingested
                texts += await self._sampled(entry)
        if texts:
            await self._embedder.choose(texts)

    async def _sampled(self, entry: FoundFile) -> list[str]:
        if entry.error is not None:
            return []
        data = await asyncio.to_thread(read_file, entry.path, limit=self._limits.file_bytes)
        contents = await self._read(data, entry.uri, media_type_of(entry.uri, None), None)
        return [chunk.text for chunk in contents.chunks[:SAMPLED_PASSAGES]]

    async def _gone_from(
        self, folder: Path, tenant_id: str | None, *, prune: bool
    ) -> AsyncIterator[IngestResult]:
        for path, document_id in (await self._files.below(file_address(folder), tenant_id=tenant_id)).items():
            if await asyncio.to_thread(is_gone, path):
                with suppress(NotFound):  # another process was sooner
                    document = await self._knowledge.get(document_id, tenant_id=None)
                    if prune:
                        await self._knowledge.delete(document_id, tenant_id=None)
                    yield _gone(document, folder, prune=prune)

    async def _prepared(
        self, found: Sequence[FoundFile], tenant_id: str | None, on_part: Callable[[int, float], None]
    ) -> AsyncIterator[tuple[FoundFile, Awaitable[_File]]]:
        """Give each file with what was made of it; while it is stored, the next ones are under way."""
        under_way: deque[asyncio.Task[_File]] = deque()
        coming = enumerate(found)
        try:
            for entry in found:
                for number, each in islice(coming, MAX_CONCURRENT_FILES - len(under_way)):
                    prepare = self._prepare_file(each, tenant_id, partial(on_part, number))
                    under_way.append(asyncio.create_task(prepare))
                yield entry, under_way.popleft()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _prepare_file(
        self, entry: FoundFile, tenant_id: str | None, on_part: Callable[[float], None]
    ) -> _File:
        """Read a file, and embed it where nothing of its content is stored."""
        if entry.error is not None:
            raise entry.error
        data = await asyncio.to_thread(read_file, entry.path, limit=self._limits.file_bytes)
        path = await asyncio.to_thread(file_address, entry.path)
        uri = await self._files.uri_of(path, tenant_id=tenant_id) or entry.uri
        self._check_size(data, uri)
        content_hash = await asyncio.to_thread(_hash, data)
        if await self._knowledge.find_by_hash(tenant_id=tenant_id, content_hash=content_hash):
            return _File(data, path, None)
        return _File(data, path, await self._embedded(data, uri, media_type_of(uri, None), None, on_part))

    async def _ingest_file(self, entry: FoundFile, file: _File, tenant_id: str | None) -> IngestResult:
        known = await self._files.uri_of(file.path, tenant_id=tenant_id)
        while True:
            uri, claim = known, ClaimedFile(file.path)
            if uri is None:
                uri, claim = await self._free_name(entry, file.path, tenant_id)
            try:
                result = await self._ingest(file.data, uri, tenant_id, None, file.embedded, claim)
                break
            except NameTaken:  # another ingest was sooner: a longer name is free
                known = None
        is_its_own = result.document_id is not None and result.status != "duplicate"
        if is_its_own and (known is None or result.status != "unchanged"):
            await self._files.put(str(result.document_id), file.path, tenant_id=tenant_id)
        return result

    async def _free_name(self, entry: FoundFile, path: str, tenant_id: str | None) -> tuple[str, ClaimedFile]:
        """Return the shortest name that is no other file's; that of a file which is gone is free."""
        for name in longer_names(entry):
            holder = await self._knowledge.find(tenant_id=tenant_id, uri=name)
            other = await self._files.path_of(holder.id) if holder is not None else None
            if other is None or other == path or await asyncio.to_thread(is_gone, other):
                return name, ClaimedFile(path, other)
        return path, ClaimedFile(path)

    async def _ingest(
        self,
        data: bytes,
        uri: str,
        tenant_id: str | None,
        declared: str | None,
        embedded: _Embedded | None = None,
        file: ClaimedFile | None = None,
    ) -> IngestResult:
        media_type = media_type_of(uri, declared)
        self._check_size(data, uri)
        content_hash = await asyncio.to_thread(_hash, data)
        older = await self._knowledge.find(tenant_id=tenant_id, uri=uri)
        if older and (older.content_hash, older.media_type) == (content_hash, media_type):
            if self._embedder is None or await self._knowledge.has_embeddings(older.id):
                return IngestResult.of(older, "unchanged")
        elif twin := await self._twin(uri, tenant_id, content_hash):
            if older:  # out of date, and what it says now is stored there
                await self._knowledge.delete(older.id, tenant_id=tenant_id)
            return _duplicate(uri, twin)
        if embedded is None:
            embedded = await self._embedded(data, uri, media_type, declared, lambda _: None)
        replace = partial(
            self._replace,
            tenant_id=tenant_id,
            uri=uri,
            content_hash=content_hash,
            media_type=media_type,
            file=file,
        )
        try:
            document = await replace(embedded)
        except EmbeddingModelChanged:
            embedded = await self._embedded(data, uri, media_type, declared, lambda _: None)
            document = await replace(embedded)
        return IngestResult.of(document, "updated" if older else "added")

    async def _replace(
        self,
        embedded: _Embedded,
        *,
        tenant_id: str | None,
        uri: str,
        content_hash: str,
        media_type: str,
        file: ClaimedFile | None,
    ) -> Document:
        document = await self._knowledge.replace(
            tenant_id=tenant_id,
            uri=uri,
            title=embedded.contents.title,
            content_hash=content_hash,
            media_type=media_type,
            chunks=embedded.pieces.chunks,
            model=embedded.pieces.model,
            notes=embedded.contents.notes,
            file=file,
        )
        await self._chunk_embedder.forget(embedded.contents, embedded.pieces.model)
        return document

    def _check_size(self, data: bytes, uri: str) -> None:
        if not data:
            raise IngestError(f"{uri} is empty: there is nothing to store.", path=uri)
        if len(data) > self._limits.file_bytes:
            limit = self._limits.file_bytes / 1_000_000
            raise IngestError(f"{uri} is larger than {limit:g} MB: split it.", path=uri)

    async def _twin(self, uri: str, tenant_id: str | None, content_hash: str) -> Document | None:
        """Return another document of the same content, which its file still has.

        One whose file was renamed is removed instead.
        """
        twin = await self._knowledge.find_by_hash(tenant_id=tenant_id, content_hash=content_hash)
        if twin is None or twin.uri == uri:
            return None
        path = await self._files.path_of(twin.id)
        if path is None or await asyncio.to_thread(file_hash, path) == content_hash:
            return twin
        if await asyncio.to_thread(is_gone, path):
            await self._knowledge.delete(twin.id, tenant_id=None)
        return None

    async def _embedded(
        self,
        data: bytes,
        uri: str,
        media_type: str,
        declared: str | None,
        on_part: Callable[[float], None],
    ) -> _Embedded:
        contents = await self._read(data, uri, media_type, declared)
        return _Embedded(contents, await self._chunk_embedder.embed(contents, on_part))

    async def _read(self, data: bytes, uri: str, media_type: str, declared: str | None) -> Contents:
        return await self._readers.read(
            data, uri=uri, media_type=media_type, declared=declared, limits=self._limits
        )


class _Embedded(NamedTuple):
    """A document as it was read, and its chunks with their embeddings."""

    contents: Contents
    pieces: EmbeddedChunks


class _File(NamedTuple):
    """A file, read before its turn."""

    data: bytes
    path: str
    embedded: _Embedded | None
    """None: it may be stored already."""


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _duplicate(uri: str, twin: Document) -> IngestResult:
    message = f"{uri} has the same content as {twin.uri}, which is stored already."
    return IngestResult.of(twin, "duplicate").model_copy(update={"uri": uri, "message": message})


def _gone(document: Document, folder: Path, *, prune: bool) -> IngestResult:
    if prune:
        message = f"{document.uri} is gone from {folder}, so it was removed."
        return IngestResult(uri=document.uri, status="removed", message=message)
    message = f"{document.uri} is gone from {folder} and is still answered from: remove it with --prune."
    return IngestResult.of(document, "stale").model_copy(update={"message": message})
