"""The embedded index, which follows the knowledge store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextvars import Context
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from vital_shared.logs import get_logger
from vital_shared.retrieval.fair_threads import FairThreads
from vital_shared.retrieval.index.folder import IndexFolder
from vital_shared.retrieval.index.segment import Segment, build
from vital_shared.retrieval.index.snapshot import Snapshot
from vital_shared.retrieval.words import KEYWORDS_VERSION
from vital_shared.store.knowledge import KnowledgeStore, StoredChunk
from vital_shared.store.tables import owner

__all__ = ["KnowledgeIndex", "Scores"]

logger = get_logger(__name__)

T = TypeVar("T")

FORMAT: Final = 2
"""The format of the files and of the words in them; those of another one are left alone."""

PATIENCE_SECONDS: Final = 1.0
"""Seconds that a search waits for earlier writes to be indexed; only writes by the thousands take as long."""

UNSAVED_ROWS: Final = 1_000
"""New chunks that may be in memory only; a start reads them from the store in 0.2 s."""

BUILD_ROWS: Final = 16_384
"""New chunks that are saved before more are read: 25 MB."""

_threads = FairThreads(os.cpu_count() or 1, "vital-index")


class Scores(NamedTuple):
    """Ids of chunks with their scores."""

    cosines: dict[int, float]
    keywords: dict[int, float]
    """The larger, the better; comparable within one search only."""


class KnowledgeIndex:
    """An index that answers from arrays that hold what the store has, exactly.

    Each search first reads the store's version, and only what has changed since is read. What is new is in
    memory until there is enough of it to be written down.

    :param folder: the folder of the indexes; each store has its own below.
    :param model: the embedding model in use; empty: there is none. It stays, and so does the lineage of the
        store: an index of documents that were embedded anew is another one.
    :param dimension: the dimension of its embeddings; 0: there is none. Those of another one are left out:
        keyword search still finds those chunks, and ingesting them again mends it.
    :param unsaved_rows: see `UNSAVED_ROWS`.
    :param patience_seconds: see `PATIENCE_SECONDS`.
    """

    def __init__(
        self,
        knowledge: KnowledgeStore,
        folder: Path,
        *,
        model: str,
        dimension: int,
        unsaved_rows: int = UNSAVED_ROWS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._knowledge = knowledge
        self._root = folder
        self._model = model
        self._dimension = dimension
        self._unsaved_rows = unsaved_rows
        self._patience_seconds = patience_seconds
        self._folder: IndexFolder | None = None
        self._snapshot = Snapshot()
        self._following: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._last_id_being_saved = 0

    async def search(
        self, query: str, vector: NDArray[np.float32] | None, *, tenant_id: str, limit: int
    ) -> Scores:
        """Find the chunks that are nearest to a question and those that have its words, `limit` of each.

        While too much was written to be read in time, the store's own keyword search takes the place of ours.

        :param vector: the vector of the question, normalised; None: search by words alone.
        :raises StoreError: when the store does not answer.
        """
        holder = owner(tenant_id)
        if await self._is_up_to_date():
            if not self._snapshot.parts:  # nothing to find, for which no thread is needed
                return Scores({}, {})
            find = partial(self._snapshot.keyword_search, query, tenant_id=holder, limit=limit)
            keywords = await _in_thread(find, holder)
        else:
            hits = await self._knowledge.keyword_search(query, tenant_id=tenant_id, limit=limit)
            keywords = {hit.chunk_id: hit.score for hit in hits}
        if vector is None:
            return Scores({}, keywords)
        nearest = partial(self._snapshot.nearest, vector, tenant_id=holder, limit=limit, also=keywords)
        return Scores(await _in_thread(nearest, holder), keywords)

    async def catch_up(self) -> None:
        """Read all that was committed, however long that takes, and write it down.

        :raises StoreError: when the store does not answer.
        """
        await asyncio.shield(self._follow())
        if self._saving is not None:
            await asyncio.shield(self._saving)

    async def finish(self) -> None:
        """Wait for what is under way; searches that have begun may go on."""
        tasks = [task for task in (self._following, self._saving) if task is not None]
        if tasks:
            await asyncio.wait(tasks)

    async def aclose(self) -> None:
        """Stop following; what is being written is finished."""
        if self._following is not None:
            self._following.cancel()
        tasks = [task for task in (self._following, self._saving) if task is not None]
        if tasks:
            await asyncio.wait(tasks)

    async def _is_up_to_date(self) -> bool:
        """Wait a moment for what was committed before the call, and return whether it is there."""
        version = await self._knowledge.version()
        if self._snapshot.version == version:
            return True
        try:
            async with asyncio.timeout(self._patience_seconds):
                await asyncio.shield(self._follow())
                while self._snapshot.version < version:  # what was under way had begun before
                    await asyncio.shield(self._follow())
        except TimeoutError:
            logger.info("index_behind", version=self._snapshot.version, store_version=version)
            return False
        return True

    def _follow(self) -> asyncio.Task[None]:
        if self._following is None or self._following.done():
            # For all searches: in the context of the one that begins it, that one's run would live on.
            self._following = asyncio.create_task(self._read_changes(), context=Context())
            self._following.add_done_callback(_note_failure)
        return self._following

    async def _read_changes(self) -> None:
        version = await self._knowledge.version()
        snapshot = await self._read_folder(version)
        snapshot = await self._without_deleted(snapshot)
        async for chunks in self._knowledge.chunks(after_id=snapshot.last_id, model=self._model):
            segment = await self._built(chunks)
            add = partial(snapshot.added, segment, after_id=self._last_id_being_saved)
            snapshot = await _in_thread(add)
            if snapshot.unsaved_rows >= BUILD_ROWS and self._saving is None:
                snapshot = await self._saved(snapshot) or snapshot
            if snapshot.last_id > self._snapshot.last_id:  # what is there already helps
                self._snapshot = snapshot
        self._snapshot = snapshot._replace(version=version)
        if self._saving is None and (snapshot.unsaved_rows >= self._unsaved_rows or snapshot.is_crowded):
            self._saving = asyncio.create_task(self._save())
            self._saving.add_done_callback(_note_failure)

    async def _read_folder(self, version: int) -> Snapshot:
        """Take what another process has written, unless this one is about to write."""
        folder = await self._opened_folder()
        if self._snapshot.version > version:
            self._snapshot = Snapshot()
        if self._saving is not None:
            return self._snapshot
        known = self._snapshot
        stored = await _in_thread(partial(folder.newest, known))
        if stored.version > version:  # the store was put back to an older state
            logger.warning("index_newer_than_store", index_version=stored.version, store_version=version)
            folder.clear()
            return Snapshot()
        return known if stored is known else stored.with_rest_of(known)

    async def _without_deleted(self, snapshot: Snapshot) -> Snapshot:
        if not snapshot.parts:
            return snapshot
        deleted = await self._knowledge.deleted_chunks(after_version=snapshot.version)
        if deleted is None:
            return await _in_thread(partial(snapshot.only, await self._knowledge.chunk_ids()))
        return await _in_thread(partial(snapshot.without, deleted)) if deleted else snapshot

    async def _opened_folder(self) -> IndexFolder:
        if self._folder is None:
            lineage = await self._knowledge.lineage()
            name = f"{lineage}-{FORMAT}-{KEYWORDS_VERSION}-{self._model or 'words'}"
            self._folder = IndexFolder(self._root / name)
        return self._folder

    async def _built(self, chunks: list[StoredChunk]) -> Segment:
        segment = await _in_thread(partial(build, chunks, self._dimension))
        others = sum(chunk.embedding is not None for chunk in chunks) - int(segment.is_embedded.sum())
        if others and self._dimension:
            logger.warning("embeddings_of_another_model", left_out=others, dimension=self._dimension)
        return segment

    async def _save(self) -> None:
        snapshot = self._snapshot
        self._last_id_being_saved = snapshot.last_id
        try:
            saved = await self._saved(snapshot)
            if saved is not None:
                self._snapshot = saved.in_place_of(self._snapshot)
        finally:
            self._last_id_being_saved = 0
            self._saving = None

    async def _saved(self, snapshot: Snapshot) -> Snapshot | None:
        folder = await self._opened_folder()
        try:
            return await asyncio.to_thread(folder.save, snapshot)
        except OSError:
            logger.warning("index_not_saved", exc_info=True)
            return None


async def _in_thread(work: Callable[[], T], tenant_id: str = "") -> T:
    result: T = await asyncio.wrap_future(_threads.submit(tenant_id, lambda _: work(), None))
    return result


def _note_failure(task: asyncio.Task[None]) -> None:
    """Log what nobody may be waiting for any more."""
    if not task.cancelled() and task.exception() is not None:
        logger.warning("index_not_followed", exc_info=task.exception())
