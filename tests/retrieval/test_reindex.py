"""Another embedding model takes over from the one before, while documents are searched and come and go."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select
from tests.store.conftest import database, other, url

from vital_shared.retrieval.document_embedder import DocumentEmbedder
from vital_shared.retrieval.embedding_models import BGE, E5
from vital_shared.retrieval.ingest import Ingestor
from vital_shared.retrieval.memory import MemorySource
from vital_shared.retrieval.reindex import BATCH_PASSAGES, Reindex
from vital_shared.store.chunk_embedding_table import chunk_embeddings
from vital_shared.store.chunk_embeddings import ChunkEmbeddings
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore

__all__ = ["database", "other", "url"]

DOCUMENTS = 2 * BATCH_PASSAGES + 1


class Model:
    """Takes one document for near to every question, and all others for far."""

    dimension = 384

    def __init__(self, name: str, favourite: int) -> None:
        self.name = name
        self.favourite = text_of(favourite)
        self.passages: list[str] = []
        self.before_batch: Callable[[int], Awaitable[None]] | None = None
        self._batches = 0

    async def embed_query(self, text: str) -> np.ndarray:
        return np.eye(384, dtype=np.float32)[0]

    async def embed_passages(self, texts: list[str], *, side_by_side: bool = False) -> np.ndarray:
        self._batches += 1
        if self.before_batch is not None:
            await self.before_batch(self._batches)
        self.passages += texts
        return np.eye(384, dtype=np.float32)[[int(self.favourite not in text) for text in texts]]


def text_of(n: int) -> str:
    return f"Text number-{n}-"


@pytest.fixture
def knowledge(database: Database) -> KnowledgeStore:
    return KnowledgeStore(database)


@pytest.fixture
def models() -> dict[str, Model]:
    return {BGE.name: Model(BGE.name, 3), E5.name: Model(E5.name, 4)}


@pytest.fixture
async def serving(
    knowledge: KnowledgeStore, models: dict[str, Model], other: Database, tmp_path: Path
) -> AsyncIterator[MemorySource]:
    """The search of another process, over a filled store that was searched before."""
    for n in range(DOCUMENTS):
        await ingest(knowledge, models, n)
    elsewhere = KnowledgeStore(other)
    source = MemorySource(elsewhere, DocumentEmbedder(elsewhere, models, "english"), tmp_path / "index")
    yield source
    await source.aclose()


async def ingest(knowledge: KnowledgeStore, models: dict[str, Model], n: int) -> str:
    ingestor = Ingestor(knowledge, DocumentEmbedder(knowledge, models, "english"))
    result = await ingestor.ingest_bytes(text_of(n).encode(), uri=f"{n}.txt", tenant_id=None)
    return str(result.document_id)


def reindex(knowledge: KnowledgeStore, model: Model) -> Reindex:
    return Reindex(ChunkEmbeddings(knowledge.database, model.name), model)


async def nearest(source: MemorySource) -> str:
    """Ask for words that no document has: the favourite of the model in use is found."""
    (found,) = await source.search("zebras", tenant_id="a", limit=1)
    return found.uri


async def favourites(knowledge: KnowledgeStore) -> dict[str, bool]:
    """Return which stored texts the embeddings in use are near to."""
    found: dict[str, bool] = {}
    async for batch in knowledge.chunks():
        for chunk in batch:
            assert chunk.embedding is not None
            found[chunk.text] = bool(np.frombuffer(chunk.embedding, "<f4")[0])
    return found


async def rows_beside(knowledge: KnowledgeStore) -> list[tuple[str, int]]:
    statement = select(chunk_embeddings.c.model, func.count()).group_by(chunk_embeddings.c.model)
    async with knowledge.database.connect() as connection:
        return [tuple(row) for row in await connection.execute(statement)]


async def test_another_model_takes_over_when_it_has_embedded_everything(
    knowledge: KnowledgeStore, models: dict[str, Model], serving: MemorySource
):
    version, lineage = await knowledge.version(), await knowledge.lineage()
    assert await nearest(serving) == "3.txt"
    expected = {text_of(n): n == 4 for n in (*range(DOCUMENTS), 100)}

    async def meanwhile(batch: int) -> None:
        assert await nearest(serving) == "3.txt"
        if batch == 2:
            await ingest(knowledge, models, 100)
            for n in (0, BATCH_PASSAGES):  # embedded before, and being embedded now
                document = await knowledge.find(tenant_id=None, uri=f"{n}.txt")
                await knowledge.delete(document.id, tenant_id=None)
                del expected[text_of(n)]

    models[E5.name].before_batch = meanwhile
    await reindex(knowledge, models[E5.name]).run()
    models[E5.name].before_batch = None
    assert await nearest(serving) == "4.txt"
    assert await favourites(knowledge) == expected
    assert await rows_beside(knowledge) == [(E5.name, len(expected))]
    assert len(models[E5.name].passages) == len(set(models[E5.name].passages)) == DOCUMENTS + 1
    assert await knowledge.version() > version
    assert await knowledge.lineage() != lineage
    await ingest(knowledge, models, 101)
    assert models[E5.name].passages[-1].endswith(text_of(101))


@pytest.mark.thorough
async def test_a_document_that_comes_after_the_last_batch_is_embedded_before_the_switch(
    knowledge: KnowledgeStore, models: dict[str, Model], serving: MemorySource
):
    embeddings = ChunkEmbeddings(knowledge.database, E5.name)
    take_over = embeddings.take_over

    async def late() -> bool:
        await ingest(knowledge, models, 100)
        return await take_over()

    embeddings.take_over = late
    await Reindex(embeddings, models[E5.name]).run()
    assert await favourites(knowledge) == {text_of(n): n == 4 for n in (*range(DOCUMENTS), 100)}


async def test_a_document_embedded_before_the_switch_and_stored_after_it_is_embedded_anew(
    knowledge: KnowledgeStore, models: dict[str, Model], serving: MemorySource
):
    async def switch(_: int) -> None:
        models[BGE.name].before_batch = None
        await reindex(knowledge, models[E5.name]).run()

    models[BGE.name].before_batch = switch
    await ingest(knowledge, models, 100)
    assert models[BGE.name].passages[-1] == models[E5.name].passages[-1]
    assert (await favourites(knowledge))[text_of(100)] is False
    assert await nearest(serving) == "4.txt"


@pytest.mark.thorough
async def test_the_first_model_can_take_over_again(
    knowledge: KnowledgeStore, models: dict[str, Model], serving: MemorySource
):
    await reindex(knowledge, models[E5.name]).run()
    assert await nearest(serving) == "4.txt"
    await ingest(knowledge, models, 100)
    await reindex(knowledge, models[BGE.name]).run()
    assert await nearest(serving) == "3.txt"
    assert await favourites(knowledge) == {text_of(n): n == 3 for n in (*range(DOCUMENTS), 100)}
    assert await rows_beside(knowledge) == [(BGE.name, DOCUMENTS + 1)]


KILLED = """
import asyncio, os, signal, sys
from tests.retrieval.test_reindex import Model, reindex
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore

async def die(batch):
    if batch == 2:
        os.kill(os.getpid(), signal.SIGKILL)

model = Model(sys.argv[2], 4)
model.before_batch = die
asyncio.run(reindex(KnowledgeStore(Database(sys.argv[1])), model).run())
"""


async def test_a_reindex_that_was_killed_goes_on_where_it_was(
    knowledge: KnowledgeStore, models: dict[str, Model], serving: MemorySource, url: str
):
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, url, E5.name)
    assert await process.wait() == -signal.SIGKILL
    assert await nearest(serving) == "3.txt"
    assert await reindex(knowledge, models[E5.name]).run() == DOCUMENTS - BATCH_PASSAGES
    assert len(models[E5.name].passages) == DOCUMENTS - BATCH_PASSAGES
    assert await nearest(serving) == "4.txt"
    assert await favourites(knowledge) == {text_of(n): n == 4 for n in range(DOCUMENTS)}
