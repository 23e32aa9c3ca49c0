from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from vital_shared.errors import Forbidden, InvalidRequest, NotFound, StoreError
from vital_shared.models.knowledge import Chunk, Document
from vital_shared.retrieval.index.index import KnowledgeIndex
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore, StoredChunk


@pytest.fixture
def knowledge(database: Database) -> KnowledgeStore:
    return KnowledgeStore(database)


async def put(
    knowledge: KnowledgeStore,
    *texts: str,
    tenant: str | None = "acme",
    uri: str = "guide.md",
    title: str = "Guide",
    section: str = "",
    embedding: bytes | None = None,
) -> Document:
    return await knowledge.replace(
        tenant_id=tenant,
        uri=uri,
        title=title,
        content_hash=f"hash of {texts}",
        media_type="text/markdown",
        chunks=[Chunk(text=text, section=section, embedding=embedding) for text in texts],
    )


async def texts(knowledge: KnowledgeStore, query: str, tenant: str = "acme") -> list[str]:
    hits = await knowledge.keyword_search(query, tenant_id=tenant, limit=10)
    passages = await knowledge.passages([hit.chunk_id for hit in hits], tenant_id=tenant)
    return [passages[hit.chunk_id].text for hit in hits]


async def test_a_stored_document_is_read_back(knowledge: KnowledgeStore):
    before = datetime.now(UTC)
    stored = await put(knowledge, "one", "two")
    assert stored.chunks == 2
    assert before <= stored.updated_at <= datetime.now(UTC)
    assert await knowledge.get(stored.id, tenant_id="acme") == stored
    assert await knowledge.find(tenant_id="acme", uri="guide.md") == stored
    assert await knowledge.find_by_hash(tenant_id="acme", content_hash=stored.content_hash) == stored
    assert await knowledge.list(tenant_id="acme") == (stored,)


async def test_what_is_not_there_is_none(knowledge: KnowledgeStore):
    assert await knowledge.find(tenant_id=None, uri="guide.md") is None
    assert await knowledge.find_by_hash(tenant_id=None, content_hash="x") is None
    with pytest.raises(NotFound, match="no document nothing") as caught:
        await knowledge.get("nothing", tenant_id=None)
    assert caught.value.field == "document_id"


@pytest.mark.parametrize("tenant", ["acme", None])
async def test_a_document_is_replaced_whole(knowledge: KnowledgeStore, tenant: str | None):
    older = await put(knowledge, "the catheter", "the balloon", tenant=tenant)
    ids = await knowledge.chunk_ids()
    newer = await put(knowledge, "the implant", tenant=tenant, title="New")
    assert newer.id == older.id
    assert await knowledge.list(tenant_id=None) == (newer,)
    assert await texts(knowledge, "catheter balloon") == []
    assert await texts(knowledge, "implant") == ["the implant"]
    assert min(await knowledge.chunk_ids()) > max(ids), "ids are never reused"


async def test_the_last_ids_are_not_reused_after_a_deletion(knowledge: KnowledgeStore):
    document = await put(knowledge, "one", "two")
    ids = await knowledge.chunk_ids()
    await knowledge.delete(document.id, tenant_id="acme")
    await put(knowledge, "three")
    assert min(await knowledge.chunk_ids()) > max(ids)


async def test_a_replacement_that_fails_midway_changes_nothing(database: Database, knowledge: KnowledgeStore):
    older = await put(knowledge, "the catheter")
    version, ids = await knowledge.version(), await knowledge.chunk_ids()
    broken = [Chunk(text="the implant"), Chunk.model_construct(section="", text=None, embedding=None)]
    with pytest.raises(StoreError, match="refused"):
        await knowledge.replace(
            tenant_id="acme", uri="guide.md", title="t", content_hash="h", media_type="m", chunks=broken
        )
    assert await knowledge.list(tenant_id="acme") == (older,)
    assert await knowledge.version() == version
    assert await knowledge.chunk_ids() == ids
    assert await texts(knowledge, "catheter implant") == ["the catheter"]


async def test_two_tenants_and_the_shared_may_have_the_same_uri(knowledge: KnowledgeStore):
    for tenant in ("acme", "globex", None):
        await put(knowledge, f"mine {tenant}", tenant=tenant)
    assert await texts(knowledge, "mine acme") == ["mine acme", "mine None"]
    assert await texts(knowledge, "mine", "globex") in (
        ["mine globex", "mine None"],
        ["mine None", "mine globex"],
    )
    assert await texts(knowledge, "mine", "initech") == ["mine None"]


async def test_a_tenant_sees_nothing_of_another(knowledge: KnowledgeStore):
    secret = await put(knowledge, "secret", tenant="globex", embedding=b"\0\0\0\0")
    (chunk_id,) = await knowledge.chunk_ids()
    assert await knowledge.list(tenant_id="acme") == ()
    assert await knowledge.find(tenant_id="acme", uri="guide.md") is None
    assert await knowledge.find_by_hash(tenant_id="acme", content_hash=secret.content_hash) is None
    assert await knowledge.keyword_search("secret", tenant_id="acme", limit=5) == ()
    assert await knowledge.passages([chunk_id], tenant_id="acme") == {}
    with pytest.raises(NotFound):
        await knowledge.get(secret.id, tenant_id="acme")
    with pytest.raises(NotFound):
        await knowledge.delete(secret.id, tenant_id="acme")
    assert await knowledge.list(tenant_id=None) == (secret,)


async def test_the_shared_is_seen_by_all_and_deleted_by_an_administrator(knowledge: KnowledgeStore):
    shared = await put(knowledge, "for all", tenant=None)
    assert shared.tenant_id is None
    assert await knowledge.get(shared.id, tenant_id="acme") == shared
    assert await knowledge.list(tenant_id="globex") == (shared,)
    with pytest.raises(Forbidden, match="administrator") as caught:
        await knowledge.delete(shared.id, tenant_id="acme")
    assert caught.value.field == "document_id"
    await knowledge.delete(shared.id, tenant_id=None)
    assert await knowledge.list(tenant_id=None) == ()
    assert await knowledge.chunk_ids() == set()


async def test_an_empty_tenant_is_not_the_shared_one(knowledge: KnowledgeStore):
    shared = await put(knowledge, "for all", tenant=None)
    for call in (
        knowledge.delete(shared.id, tenant_id=""),
        knowledge.keyword_search("all", tenant_id="", limit=1),
        put(knowledge, "mine", tenant=""),
    ):
        with pytest.raises(InvalidRequest, match="tenant_id must not be empty"):
            await call
    assert await knowledge.list(tenant_id=None) == (shared,)


async def test_the_list_is_by_uri_and_in_pages(knowledge: KnowledgeStore):
    for uri in ("c", "a", "b"):
        await put(knowledge, uri, uri=uri)
    pages = [await knowledge.list(tenant_id="acme", limit=2, offset=offset) for offset in (0, 2)]
    assert [[document.uri for document in page] for page in pages] == [["a", "b"], ["c"]]


async def test_every_change_raises_the_version_and_no_reading_does(knowledge: KnowledgeStore):
    versions = [await knowledge.version()]
    document = await put(knowledge, "one")
    versions.append(await knowledge.version())
    await put(knowledge, "two")
    versions.append(await knowledge.version())
    await knowledge.delete(document.id, tenant_id="acme")
    versions.append(await knowledge.version())
    assert versions == sorted(set(versions))
    with pytest.raises(NotFound):
        await knowledge.delete(document.id, tenant_id="acme")
    await texts(knowledge, "one")
    assert await knowledge.version() == versions[-1]


async def test_embeddings_are_complete_only_with_every_chunk(knowledge: KnowledgeStore):
    chunks = [Chunk(text="one", embedding=b"\0" * 8), Chunk(text="two")]
    document = await knowledge.replace(
        tenant_id=None, uri="u", title="t", content_hash="h", media_type="m", chunks=chunks
    )
    assert not await knowledge.has_embeddings(document.id)
    whole = await put(knowledge, "one", "two", embedding=b"\1" * 8)
    assert await knowledge.has_embeddings(whole.id)


async def test_chunks_come_in_ascending_batches_after_an_id(knowledge: KnowledgeStore, monkeypatch):
    monkeypatch.setattr("vital_shared.store.knowledge._BATCH_ROWS", 2)
    await put(knowledge, "one", "two", "three", section="S", embedding=b"\1" * 8)
    await put(knowledge, "without", uri="without")
    await put(knowledge, "four", tenant=None, embedding=b"\2" * 8)
    batches = [batch async for batch in knowledge.chunks()]
    assert [len(batch) for batch in batches] == [2, 2, 1]
    found = [chunk for batch in batches for chunk in batch]
    assert [chunk.id for chunk in found] == sorted(chunk.id for chunk in found)
    assert found[0] == StoredChunk(found[0].id, "acme", "Guide", "S", "one", b"\1" * 8)
    assert found[3][1:] == ("acme", "Guide", "", "without", None)
    assert found[4][1:] == ("", "Guide", "", "four", b"\2" * 8)
    assert [each async for each in knowledge.chunks(after_id=found[1].id)] == [found[2:4], found[4:]]


async def test_deleted_chunks_are_remembered_by_version(knowledge: KnowledgeStore):
    assert await knowledge.deleted_chunks(after_version=-1) == set()
    await put(knowledge, "one", "two")
    first = await knowledge.chunk_ids()
    before = await knowledge.version()
    await put(knowledge, "three")
    assert await knowledge.deleted_chunks(after_version=before) == first
    after = await knowledge.version()
    second = await knowledge.chunk_ids()
    assert await knowledge.deleted_chunks(after_version=after) == set()
    (document,) = await knowledge.list(tenant_id="acme")
    await knowledge.delete(document.id, tenant_id="acme")
    assert await knowledge.deleted_chunks(after_version=after) == second
    assert await knowledge.deleted_chunks(after_version=before) == first | second


async def test_what_was_deleted_long_ago_is_forgotten_and_said_to_be(knowledge: KnowledgeStore, monkeypatch):
    monkeypatch.setattr("vital_shared.store.knowledge._KEPT_DELETIONS", 2)
    for n in range(4):
        await put(knowledge, f"{n} a", f"{n} b")
    now = await knowledge.version()
    assert await knowledge.deleted_chunks(after_version=0) is None
    assert await knowledge.deleted_chunks(after_version=now) == set()


@pytest.mark.usefixtures("migrated")
async def test_each_database_has_a_lineage_of_its_own(
    database: Database, knowledge: KnowledgeStore, tmp_path
):
    lineage = await knowledge.lineage()
    await database.migrate()
    assert await knowledge.lineage() == lineage
    another = Database(f"sqlite+aiosqlite:///{tmp_path / 'another.db'}")
    await another.migrate()
    assert await KnowledgeStore(another).lineage() != lineage
    await another.aclose()


async def test_passages_carry_where_they_come_from(knowledge: KnowledgeStore):
    document = await put(knowledge, "the text", title="Guide", section="A > B")
    (chunk_id,) = await knowledge.chunk_ids()
    passages = await knowledge.passages([chunk_id, chunk_id + 1], tenant_id="acme")
    assert passages[chunk_id].model_dump() == {
        "id": str(chunk_id),
        "document_id": document.id,
        "title": "Guide",
        "source": "memory",
        "uri": "guide.md",
        "section": "A > B",
        "text": "the text",
        "score": 0.0,
    }
    assert len(passages) == 1
    assert await knowledge.passages([], tenant_id="acme") == {}


async def test_any_word_may_match_and_more_words_rank_higher(knowledge: KnowledgeStore):
    await put(knowledge, "sterile barrier systems", "packaging of sterile devices", "clinical evaluation")
    found = await texts(knowledge, "Which packaging is needed for a sterile device?")
    assert found == ["packaging of sterile devices", "sterile barrier systems"]
    hits = await knowledge.keyword_search("packaging sterile device", tenant_id="acme", limit=10)
    assert hits[0].score > hits[1].score > 0
    assert len(await knowledge.keyword_search("sterile", tenant_id="acme", limit=1)) == 1


async def test_words_are_found_by_their_stem_in_text_section_and_title(knowledge: KnowledgeStore):
    await put(knowledge, "about implants", uri="a")
    await put(knowledge, "nothing here", uri="b", section="Implanting")
    await put(knowledge, "nor here", uri="c", title="The implant")
    assert sorted(await texts(knowledge, "implanted")) == ["about implants", "nor here", "nothing here"]


async def test_the_embedded_index_follows_either_database(knowledge: KnowledgeStore, tmp_path):
    index = KnowledgeIndex(knowledge, tmp_path, model="", dimension=0, unsaved_rows=2, patience_seconds=60)

    async def found(query: str) -> set[str]:
        hits = (await index.search(query, None, tenant_id="acme", limit=9)).keywords
        return {passage.text for passage in (await knowledge.passages(list(hits), tenant_id="acme")).values()}

    first = await put(knowledge, "the catheter", "the balloon", uri="first")
    await put(knowledge, "a catheter for another", tenant="other")
    assert await found("catheters and balloons") == {"the catheter", "the balloon"}
    await put(knowledge, "the stent", uri="first")
    await put(knowledge, "for all: a broken \x00 catheter", tenant=None, uri="second")
    assert await found("catheter stent") == {"the stent", "for all: a broken \ufffd catheter"}
    await knowledge.delete(first.id, tenant_id=None)
    await index.catch_up()
    assert await found("catheter stent") == {"for all: a broken \ufffd catheter"}
    await index.aclose()


HOSTILE = [
    'sterile"',
    "'sterile'",
    "sterile'); DROP TABLE chunks; --",
    'NEAR("sterile", 2)',
    "sterile NEAR sterile",
    "ster* sterile*",
    "((sterile",
    "sterile))",
    "text:sterile title:sterile",
    "nope:sterile",
    "NOT sterile",
    "sterile AND OR NOT",
    "-sterile ^sterile +sterile",
    "sterile & | ! <-> <2> :* \\",
    "{sterile}",
    "sterile \x00\ud800",
    "sterile 510(k) 21 CFR 807.92 https://example.org/a?b=1&c=2#d a@b.example",
    "Ünïcödé 無菌 стерильный \U0001f9ea sterile",
    "sterile " + "x" * 10_000,
    "sterile " * 1_250,
]
"""Each holds the word sterile."""

WITHOUT_WORDS = ["", "   ", "?!…", '"', "'", "*", "()", "\x00", "_ __", "of the and", "x" * 10_000]


async def test_no_text_is_query_syntax(knowledge: KnowledgeStore):
    await put(knowledge, "a sterile device", "another one")
    for query in HOSTILE:
        assert await texts(knowledge, query) == ["a sterile device"], query


async def test_a_query_without_words_finds_nothing(knowledge: KnowledgeStore):
    await put(knowledge, "a sterile device")
    for query in WITHOUT_WORDS:
        assert await knowledge.keyword_search(query, tenant_id="acme", limit=5) == (), query


async def test_words_that_say_nothing_are_not_looked_for(knowledge: KnowledgeStore):
    await put(knowledge, "what is the use of it", "a device")
    assert await texts(knowledge, "What is the device?") == ["a device"]


async def test_the_first_words_of_a_long_query_count(knowledge: KnowledgeStore):
    await put(knowledge, "a sterile device")
    many = " ".join(f"word{n}" for n in range(1_000))
    assert await texts(knowledge, f"sterile {many}") == ["a sterile device"]
    assert await texts(knowledge, f"{many} sterile") == []


async def test_text_that_cannot_be_stored_is_replaced(knowledge: KnowledgeStore):
    chunks = [Chunk.model_construct(section="", text="broken \x00 page \ud800", embedding=None)]
    await knowledge.replace(
        tenant_id="acme", uri="\udcff.pdf", title="\x00", content_hash="h", media_type="m", chunks=chunks
    )
    assert await texts(knowledge, "page") == ["broken \ufffd page \ufffd"]
    assert (await knowledge.list(tenant_id="acme"))[0].uri == "\ufffd.pdf"
    assert await knowledge.find(tenant_id="acme", uri="\udcff.pdf") is not None


async def test_fifty_writers_at_once_all_succeed(database: Database, other: Database):
    stores = KnowledgeStore(database), KnowledgeStore(other)
    before = await stores[0].version()
    async with asyncio.TaskGroup() as group:
        for n in range(50):
            group.create_task(put(stores[n % 2], "one", "two", uri=f"document {n % 25}"))
    assert len(await stores[0].list(tenant_id="acme")) == 25
    assert len(await stores[1].chunk_ids()) == 50
    assert await stores[1].version() == before + 50


async def test_the_keyword_index_holds_what_the_table_holds(database: Database, knowledge: KnowledgeStore):
    document = await put(knowledge, "the catheter", "the balloon")
    await put(knowledge, "the implant", uri="other")
    await knowledge.delete(document.id, tenant_id="acme")
    async with database.begin() as connection:
        await connection.execute(text("UPDATE chunks SET text = 'the stent'"))
        if database.dialect == "sqlite":  # fails where the index and the table differ
            await connection.execute(
                text("INSERT INTO chunks_fts(chunks_fts, rank) VALUES ('integrity-check', 1)")
            )
    assert await texts(knowledge, "catheter balloon implant stent") == ["the stent"]
