"""Documents in Pinecone: written, found by their own tenant, replaced, and embedded anew beside the old index."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.retrieval.sources.pinecone_parts import (
    MODEL,
    Subjects,
    collection_on,
    document,
    filled,
    pinecone_server,
)
from tests.retrieval.sources.pinecone_server import Fault, PineconeServer

from vital_shared.errors import ConfigurationError, SourceError
from vital_shared.models.retrieval_tuning import RetrievalTuning
from vital_shared.retrieval.collection import DocumentKey, IndexModel
from vital_shared.retrieval.sources.pinecone.client import PineconeClient
from vital_shared.retrieval.sources.pinecone.collection import PineconeCollection
from vital_shared.retrieval.sources.pinecone.keywords import passage_keywords, question_keywords
from vital_shared.retrieval.sources.pinecone.namespaces import INDEXES_NAMESPACE, index_of, namespace_of


@pytest.fixture
async def server() -> AsyncIterator[PineconeServer]:
    async with pinecone_server(PineconeServer(MODEL.dimension)) as server:
        yield server


@pytest.fixture
async def collection(server: PineconeServer) -> AsyncIterator[PineconeCollection]:
    async with collection_on(server) as collection:
        yield collection


async def ids(collection: PineconeCollection, query: str, tenant: str = "acme") -> list[str]:
    return [passage.id for passage in await collection.search(query, tenant_id=tenant, limit=10)]


async def test_a_tenant_finds_its_own_and_the_shared_documents(collection: PineconeCollection) -> None:
    await filled(
        collection,
        [
            document("own", "Bees dance."),
            document("all", "Bees swarm in May.", tenant=None),
            document("theirs", "Bees of another.", tenant="other"),
        ],
    )

    found = await collection.search("bees", tenant_id="acme", limit=10)

    assert {passage.id for passage in found} == {"own-0", "all-0"}
    assert found[0].model_dump(exclude={"score"}) == {
        "id": found[0].id,
        "document_id": found[0].document_id,
        "title": f"On {found[0].document_id}",
        "source": "pinecone",
        "uri": f"{found[0].document_id}.md",
        "section": "Section",
        "text": {"own": "Bees dance.", "all": "Bees swarm in May."}[found[0].document_id],
    }
    assert all(0 <= passage.score <= 1 for passage in found)


async def test_words_decide_between_passages_of_the_same_meaning(collection: PineconeCollection) -> None:
    await filled(collection, [document("a", "Bees and honey.", "Bees and wax.", "Bees and queens.")])

    assert (await ids(collection, "bees wax"))[0] == "a-1"
    assert (await ids(collection, "queens of the bees"))[0] == "a-2"


@pytest.mark.parametrize(("keyword_weight", "first"), [(0.0, "a-0"), (0.3, "a-0"), (10.0, "a-1")])
async def test_a_tuning_weighs_the_words_beside_the_meaning(
    collection: PineconeCollection, keyword_weight: float, first: str
) -> None:
    await filled(collection, [document("a", "Bees and bees.", "Glass for bees with wax and smoke.")])

    found = await collection.search_by(
        RetrievalTuning(keyword_weight=keyword_weight), "bees wax smoke", tenant_id="acme", limit=10
    )

    assert found[0].id == first


async def test_words_in_another_language_are_found_in_other_forms(collection: PineconeCollection) -> None:
    german = (
        "Bienen schwärmen bei Imkern oft im Mai.",
        "Gebühren werden durch Bibliotheken jährlich festgelegt.",
    )
    await filled(collection, [document("a", *german)])

    assert (await ids(collection, "Wie hoch ist denn eine Gebühr für jede Bibliothek?"))[0] == "a-1"


async def test_words_of_an_index_without_them_in_other_forms_still_count(
    collection: PineconeCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("vital_shared.retrieval.sources.pinecone.indexes.SPARSE_VERSION", 1)
        earlier.setattr("vital_shared.retrieval.sources.pinecone.collection.SPARSE_VERSION", 1)
        await filled(collection, [document("a", "Bees and honey.", "Bees and wax.")])

    assert (await ids(collection, "bees wax"))[0] == "a-1"


async def test_a_tuning_without_words_still_finds_by_them_where_no_model_is(server: PineconeServer) -> None:
    async with collection_on(server) as collection:
        await filled(collection, [document("a", "Bees dance.", "Ships sail.")])
    async with collection_on(server, embedders={}) as collection:
        found = await collection.search_by(
            RetrievalTuning(keyword_weight=0), "ships", tenant_id="acme", limit=10
        )

    assert [passage.id for passage in found][:1] == ["a-1"]


async def test_put_returns_once_a_search_can_find_what_it_wrote(server: PineconeServer) -> None:
    server.visible_at_once = False
    async with collection_on(server) as collection:
        index_id = await filled(collection, [document("a", "Bees.")])
        assert await ids(collection, "bees") == ["a-0"]

        await collection.put(index_id, [document("a", "Ships.")])

        assert (await collection.search("ships", tenant_id="acme", limit=1))[0].text == "Ships."


async def test_a_shorter_version_leaves_nothing_of_the_longer_one(server: PineconeServer) -> None:
    server.visible_at_once = False
    async with collection_on(server) as collection:
        index_id = await filled(collection, [document("a", "Bees.", "Bees again.", "Bees at last.")])

        await collection.put(index_id, [document("a", "Glass."), document("b", "Bread.", "Bread.")])
        await collection.put(index_id, [document("b")])

        assert server.ids(namespace_of(index_id, "acme")) == {"a-0"}


async def test_writing_again_and_deleting_again_change_nothing(
    server: PineconeServer, collection: PineconeCollection
) -> None:
    documents = [document("a", "Bees."), document("b", "Ships.", tenant=None)]
    index_id = await filled(collection, documents)
    server.fail("/vectors/upsert", Fault(status=503), Fault(reset=True), Fault(status=503, applies=False))

    await collection.put(index_id, documents)
    for _ in range(2):
        await collection.delete(index_id, [DocumentKey("b", None), DocumentKey("b", "nobody")])

    assert await ids(collection, "bees ships") == ["a-0"]
    assert (await collection.indexes())[0].passages == 1


async def test_large_documents_are_written_in_batches_within_the_limits(
    server: PineconeServer, collection: PineconeCollection
) -> None:
    texts = [f"Bees {number} " + "and more " * 420 for number in range(1_200)]  # 4 kB each, 5 MB together

    index_id = await filled(collection, [document("a", *texts)])

    assert len(server.ids(namespace_of(index_id, "acme"))) == 1_200
    assert len(server.seen("/vectors/upsert")) > 3


async def test_odd_texts_are_stored_and_come_back(collection: PineconeCollection) -> None:
    odd = ["\U0001f41d " * 4_000, "Bees \ud800 lone", "Bees\x00zero", "🐝" * 30_000]

    await filled(collection, [document("a", *odd)])

    found = await collection.search("bees", tenant_id="acme", limit=10)
    assert len(found) == 4
    assert all(len(passage.text) <= 4_000 for passage in found)


async def test_another_model_is_filled_beside_the_index_that_answers(
    server: PineconeServer,
) -> None:
    newer = IndexModel("newer", MODEL.dimension)
    async with collection_on(server, embedders={"subjects": Subjects(), "newer": Subjects()}) as collection:
        odd = document("b", "Bees of an odd tenant.", tenant="a:b@c.d_%2F")
        old_id = await filled(collection, [document("a", "Bees."), odd])
        index = await collection.prepare(newer)
        assert index.id != old_id
        assert await collection.prepare(newer) == index

        await collection.put(index.id, [document("a", "Bees of the new index.")])
        before = await collection.search("bees", tenant_id="acme", limit=1)
        both = await collection.indexes()
        await collection.activate(index.id)
        after = await collection.search("bees", tenant_id="acme", limit=1)

        assert [each.text for each in (*before, *after)] == ["Bees.", "Bees of the new index."]
        assert [(each.embedder, each.is_active) for each in both] == [("newer", False), ("subjects", True)]
        assert [each.embedder for each in await collection.indexes()] == ["newer"]
        assert {index_of(name) for name in server.namespaces} == {index.id, None}


async def test_another_process_finds_the_new_index_once_the_old_one_is_dropped(
    server: PineconeServer,
) -> None:
    embedders = {"subjects": Subjects(), "newer": Subjects()}
    async with collection_on(server, embedders=embedders) as one, collection_on(server) as other:
        await filled(one, [document("a", "Bees.")])
        assert await ids(other, "bees") == ["a-0"]
        other._active._clock = lambda: 1e9  # a minute later
        other._embedders = embedders

        index = await one.prepare(IndexModel("newer", MODEL.dimension))
        await one.put(index.id, [document("a", "Bees anew.")])
        await one.activate(index.id)

        assert [each.text for each in await other.search("bees", tenant_id="acme", limit=1)] == ["Bees anew."]


async def test_the_old_index_stays_until_all_processes_have_looked(server: PineconeServer) -> None:
    embedders = {"subjects": Subjects(), "newer": Subjects()}
    held: list[float] = []

    async def sleep(seconds: float) -> None:
        held.append(seconds)
        assert await ids(other, "bees") == ["a-0"]

    async with (
        collection_on(server, embedders=embedders) as other,
        collection_on(server, embedders=embedders, sleep=sleep) as one,
    ):
        await filled(one, [document("a", "Bees.")])
        index = await one.prepare(IndexModel("newer", MODEL.dimension))
        await one.put(index.id, [document("a", "Bees.", "Bees anew.")])
        assert await ids(other, "bees") == ["a-0"]
        await one.activate(index.id)

    assert held == [60.0]


async def test_a_dropping_that_broke_off_goes_on_with_the_next_activation(
    server: PineconeServer,
) -> None:
    async with collection_on(server, embedders={"subjects": Subjects(), "newer": Subjects()}) as collection:
        await filled(collection, [document("a", "Bees.")])
        index = await collection.prepare(IndexModel("newer", MODEL.dimension))
        await collection.put(index.id, [document("a", "Bees.")])
        server.fail("/namespaces/", Fault(status=403, applies=False))
        with pytest.raises(SourceError, match="quotas"):
            await collection.activate(index.id)
        assert (await collection.search("bees", tenant_id="acme", limit=1))[0].id == "a-0"

        await collection.activate(index.id)

        assert {index_of(name) for name in server.namespaces} == {index.id, None}


async def test_before_the_first_document_nothing_is_found(
    server: PineconeServer, collection: PineconeCollection
) -> None:
    assert await collection.search("bees", tenant_id="acme", limit=3) == ()
    assert await collection.indexes() == ()
    await collection.prepare(MODEL)
    assert await collection.search("bees", tenant_id="acme", limit=3) == ()
    assert set(server.namespaces) == {INDEXES_NAMESPACE}


async def test_an_index_of_another_dimension_or_metric_is_refused_with_what_to_do(
    server: PineconeServer, collection: PineconeCollection
) -> None:
    with pytest.raises(SourceError, match="has 5 dimensions, and large makes 1024: make an index of 1024"):
        await collection.prepare(IndexModel("large", 1024))
    server.metric = "cosine"
    with pytest.raises(SourceError, match=r"metric cosine .* dotproduct"):
        await collection.ping()


async def test_an_index_whose_model_is_not_installed_says_so(server: PineconeServer) -> None:
    async with collection_on(server) as collection:
        await filled(collection, [document("a", "Bees.")])
    async with collection_on(server, embedders={"other": Subjects()}) as collection:
        with pytest.raises(SourceError, match="embedded with subjects, which is not here"):
            await collection.search("bees", tenant_id="acme", limit=1)


async def test_without_any_model_words_alone_find(server: PineconeServer) -> None:
    async with collection_on(server) as collection:
        await filled(collection, [document("a", "Bees make wax.", "Ships carry glass.")])
    async with collection_on(server, embedders={}) as collection:
        assert (await ids(collection, "glass"))[0] == "a-1"
        assert await ids(collection, "of the") == []


async def test_an_index_that_is_gone_is_not_written_to(collection: PineconeCollection) -> None:
    with pytest.raises(SourceError, match="no longer has the index 0123"):
        await collection.put("0123", [document("a", "Bees.")])


@given(
    one=st.tuples(st.sampled_from(["a1", "b2"]), st.none() | st.text(max_size=40)),
    other=st.tuples(st.sampled_from(["a1", "b2"]), st.none() | st.text(max_size=40)),
)
def test_no_two_tenants_or_indexes_share_a_namespace(
    one: tuple[str, str | None], other: tuple[str, str | None]
) -> None:
    assert (namespace_of(*one) == namespace_of(*other)) == (one == other)
    assert index_of(namespace_of(*one)) == one[0]
    assert namespace_of(*one).isascii()


@given(st.text(max_size=400))
def test_any_text_makes_a_valid_sparse_vector(text: str) -> None:
    for vector in (passage_keywords(text), question_keywords(text, 0.3)):
        assert len(vector.indices) == len(vector.values) == len(set(vector.indices)) <= 1_000
        assert all(0 <= index < 2**32 for index in vector.indices)
        assert all(value > 0 for value in vector.values)


@pytest.mark.parametrize("address", ["", "http://index.pinecone.io", "ftp://localhost", "https://"])
def test_an_address_that_cannot_be_used_is_an_error_of_the_configuration(address: str) -> None:
    from pydantic import SecretStr

    with pytest.raises(ConfigurationError, match="not the address of a Pinecone index"):
        PineconeClient(address, SecretStr("key"))
