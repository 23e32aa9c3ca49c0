"""Pinecone follows the documents, although it shows writes late and fails in between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.retrieval.sources.collections import WordEmbedder
from tests.retrieval.sources.pinecone_parts import Subjects, collection_on, pinecone_server
from tests.retrieval.sources.pinecone_server import Fault, PineconeServer

from vital_shared.errors import SourceError
from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.embedding import Embedder
from vital_shared.retrieval.ingest import Ingestor
from vital_shared.retrieval.sources.pinecone.collection import PineconeCollection
from vital_shared.retrieval.sources.pinecone.namespaces import index_of
from vital_shared.retrieval.sources.sync import CollectionSync, SyncResult
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.source_documents import SourceDocuments

WORDS, NEWER = WordEmbedder(), WordEmbedder("newer")
QUESTIONS = Path(__file__).parents[3] / "bench" / "collections"


@pytest.fixture
def ledger(store: Database) -> SourceDocuments:
    return SourceDocuments(store, "pinecone")


@pytest.fixture
async def server() -> AsyncIterator[PineconeServer]:
    async with pinecone_server(PineconeServer(WORDS.dimension)) as server:
        server.visible_at_once = False
        yield server


@pytest.fixture
async def collection(server: PineconeServer) -> AsyncIterator[PineconeCollection]:
    embedders = {WORDS.name: WORDS, NEWER.name: NEWER}
    async with collection_on(server, embedders=embedders) as collection:
        yield collection


async def add(knowledge: KnowledgeStore, uri: str, *texts: str, tenant: str | None = "acme") -> str:
    chunks = [Chunk(text=text, embedding=WORDS.vector(text).tobytes()) for text in texts]
    stored = await knowledge.replace(
        tenant_id=tenant, uri=uri, title=uri, content_hash=f"{texts}", media_type="text/plain", chunks=chunks
    )
    return stored.id


async def found(collection: PineconeCollection, tenant: str = "acme") -> set[str]:
    return {passage.text for passage in await collection.search("dogs", tenant_id=tenant, limit=50)}


async def test_documents_arrive_change_and_go(
    knowledge: KnowledgeStore, ledger: SourceDocuments, collection: PineconeCollection
) -> None:
    await add(knowledge, "a.md", "dogs of acme", "more dogs", "still more dogs")
    gone = await add(knowledge, "b.md", "dogs that go")
    await add(knowledge, "c.md", "dogs of all", tenant=None)
    sync = CollectionSync(ledger, collection, WORDS)
    assert await sync.run() == SyncResult(3, 0, 5, has_switched=True)
    assert await sync.run() == SyncResult(0, 0, 0, has_switched=False)

    await add(knowledge, "a.md", "other dogs")
    await knowledge.delete(gone, tenant_id=None)

    assert await sync.run() == SyncResult(1, 1, 1, has_switched=False)
    assert await found(collection) == {"other dogs", "dogs of all"}
    assert await found(collection, "other") == {"dogs of all"}


async def test_a_sync_that_broke_off_goes_on_where_it_was(
    server: PineconeServer,
    knowledge: KnowledgeStore,
    ledger: SourceDocuments,
    collection: PineconeCollection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vital_shared.retrieval.sources.sync.BATCH_PASSAGES", 2)
    for number in range(6):
        await add(knowledge, f"{number}.md", f"dogs {number}")
    refused = Fault(status=403)  # after it was written: the answer is what is lost
    server.fail(
        "/vectors/upsert", Fault(), Fault(), refused
    )  # the index's record, a batch, and half of the next
    with pytest.raises(SourceError):
        await CollectionSync(ledger, collection, WORDS).run()
    server.settle()
    assert await found(collection) == set()  # half of the documents would be worse than none

    result = await CollectionSync(ledger, collection, WORDS).run()

    assert result == SyncResult(4, 0, 4, has_switched=True)
    assert await found(collection) == {f"dogs {number}" for number in range(6)}
    assert [index.passages for index in await collection.indexes()] == [6]


async def test_another_model_answers_once_all_is_there(
    server: PineconeServer,
    knowledge: KnowledgeStore,
    ledger: SourceDocuments,
    collection: PineconeCollection,
) -> None:
    await add(knowledge, "a.md", "dogs of acme")
    await CollectionSync(ledger, collection, WORDS).run()
    server.fail("/vectors/upsert", Fault(), Fault(status=403, applies=False))
    with pytest.raises(SourceError):
        await CollectionSync(ledger, collection, NEWER).run()
    assert await found(collection) == {"dogs of acme"}
    assert [(each.embedder, each.is_active) for each in await collection.indexes()] == [
        ("newer", False),
        (WORDS.name, True),
    ]

    result = await CollectionSync(ledger, collection, NEWER).run()

    assert result.has_switched
    assert await found(collection) == {"dogs of acme"}
    (index,) = await collection.indexes()
    assert (index.embedder, index.passages) == ("newer", 1)
    assert {index_of(name) for name in server.namespaces} == {index.id, None}


@contextmanager
def version_of_words(monkeypatch: pytest.MonkeyPatch, version: int) -> Iterator[None]:
    """Write sparse vectors as another version of the package does."""
    with monkeypatch.context() as changed:
        for module in ("indexes", "collection"):
            changed.setattr(f"vital_shared.retrieval.sources.pinecone.{module}.SPARSE_VERSION", version)
        yield


async def test_an_index_of_an_earlier_version_is_made_anew_by_the_sync_that_follows(
    knowledge: KnowledgeStore,
    ledger: SourceDocuments,
    collection: PineconeCollection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await add(knowledge, "a.md", "dogs of acme")
    with version_of_words(monkeypatch, 0):
        await CollectionSync(ledger, collection, WORDS).run()
    assert [index.is_current for index in await collection.indexes()] == [False]

    result = await CollectionSync(ledger, collection, WORDS).run(may_switch=False)

    assert result.has_switched
    assert [index.is_current for index in await collection.indexes()] == [True]
    assert await found(collection) == {"dogs of acme"}


async def test_an_index_of_a_later_version_is_left_to_that(
    knowledge: KnowledgeStore,
    ledger: SourceDocuments,
    collection: PineconeCollection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await add(knowledge, "a.md", "dogs of acme")
    with version_of_words(monkeypatch, 99):
        await CollectionSync(ledger, collection, WORDS).run()

    assert (await CollectionSync(ledger, collection, WORDS).run(may_switch=False)).needs_switch


async def test_a_hosted_model_makes_the_vectors_of_passages_and_questions(
    knowledge: KnowledgeStore, ledger: SourceDocuments
) -> None:
    kinds = []

    def embed(texts: list[str], kind: str) -> list[list[float]]:
        kinds.append((kind, len(texts)))
        return [Subjects.vector(text).tolist() for text in texts]

    async with (
        pinecone_server(PineconeServer(Subjects.dimension, embed=embed)) as server,
        collection_on(server, embedders={}, pinecone_embedder="llama-text-embed-v2") as collection,
    ):
        await add(knowledge, "a.md", *(f"bees {number}" for number in range(100)))
        await CollectionSync(ledger, collection, WORDS).run()
        again = await CollectionSync(ledger, collection, WORDS).run()
        answer = await collection.search("bees", tenant_id="acme", limit=3)

        assert [each.embedder for each in await collection.indexes()] == ["llama-text-embed-v2"]
    assert again.written == 0
    assert len(answer) == 3
    assert kinds == [("passage", 96), ("passage", 4), ("query", 1)]


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["harbour-notices", "permit-forms"])
async def test_words_make_the_search_no_worse_than_vectors_alone(
    name: str,
    bge: Embedder,
    knowledge: KnowledgeStore,
    ledger: SourceDocuments,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = QUESTIONS / name
    files = [path for path in sorted(folder.iterdir()) if path.suffix == ".md"]
    async for _ in Ingestor(knowledge, bge).ingest_paths(files, tenant_id="acme"):
        pass
    questions = [each for each in json.loads((folder / "questions.json").read_text()) if each["answerable"]]

    async def right_first(collection: PineconeCollection) -> int:
        hits = 0
        for each in questions:
            (first,) = await collection.search(each["question"], tenant_id="acme", limit=1)
            hits += all(any(fact in first.text for fact in spellings) for spellings in each["facts"])
        return hits

    async with (
        pinecone_server(PineconeServer(bge.dimension)) as server,
        collection_on(server, embedders={bge.name: bge}) as collection,
    ):
        await CollectionSync(ledger, collection, bge).run()
        hybrid = await right_first(collection)
        monkeypatch.setattr("vital_shared.retrieval.sources.pinecone.search.READABLE_VERSIONS", frozenset())
        vectors_alone = await right_first(collection)

    assert hybrid >= vectors_alone > len(questions) / 2
