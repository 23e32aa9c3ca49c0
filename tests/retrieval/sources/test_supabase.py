"""Passages in Postgres with pgvector: found by meaning and by words, and by their own tenant alone."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text
from tests.pgbouncer import running_pgbouncer
from tests.postgres_server import running_postgres
from tests.retrieval.sources.collections import WordEmbedder, document

from vital_shared.breaker import Breakers
from vital_shared.errors import ConfigurationError, SourceError, StoreError
from vital_shared.retrieval.collection import CollectionDocument, CollectionPassage, DocumentKey
from vital_shared.retrieval.sources.guard import SourceGuard
from vital_shared.retrieval.sources.supabase.source import SupabaseSource
from vital_shared.retrieval.sources.supabase.statements import TAKE_ROLE, WRITE_FOR
from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url

WORDS = WordEmbedder()


def opened(url: str, *embedders: WordEmbedder) -> SupabaseSource:
    return SupabaseSource(
        url, {each.name: each for each in embedders or (WORDS,)}, SourceGuard("supabase", Breakers())
    )


@pytest.fixture
async def source(url: str) -> AsyncIterator[SupabaseSource]:
    source = opened(url)
    yield source
    await source.aclose()


async def filled(source: SupabaseSource, *documents: CollectionDocument) -> str:
    index = await source.prepare(WORDS.model)
    await source.put(index.id, documents)
    await source.activate(index.id)
    return index.id


async def found(source: SupabaseSource, query: str, tenant: str = "acme", limit: int = 10) -> list[str]:
    return [passage.text for passage in await source.search(query, tenant_id=tenant, limit=limit)]


async def test_it_finds_by_meaning_and_by_words_best_first(source):
    await filled(
        source,
        document("fees", "the application fee is 500 dollars", "fees are due in march"),
        document("dogs", "dogs need a licence"),
    )
    passages = await source.search("application fee", tenant_id="acme", limit=2)
    assert passages[0].text == "the application fee is 500 dollars"
    assert (passages[0].source, passages[0].document_id, passages[0].uri) == ("supabase", "fees", "fees.md")
    assert passages[0].score > passages[1].score
    assert len(passages) == 2


async def test_a_source_that_was_never_filled_finds_nothing(source):
    assert await found(source, "anything") == []
    assert await source.indexes() == ()


async def test_passages_are_found_once_the_index_is_complete(source):
    index = await source.prepare(WORDS.model)
    await source.put(index.id, [document("dogs", "dogs need a licence")])
    assert await found(source, "dogs") == []
    await source.activate(index.id)
    assert await found(source, "dogs") == ["dogs need a licence"]


async def test_tenants_see_their_own_and_what_is_shared(source):
    await filled(
        source,
        document("a", "dogs of acme"),
        document("b", "dogs of bolt", tenant_id="bolt"),
        document("c", "dogs of all", tenant_id=None),
    )
    assert set(await found(source, "dogs")) == {"dogs of acme", "dogs of all"}
    assert set(await found(source, "dogs", "bolt")) == {"dogs of bolt", "dogs of all"}
    assert set(await found(source, "dogs", "other")) == {"dogs of all"}


async def as_tenant(database: Database, statement: str) -> None:
    async with database.begin() as connection:
        await connection.execute(TAKE_ROLE, {"tenant": "acme"})
        await connection.execute(WRITE_FOR, {"tenant": "acme"})
        await connection.execute(text(statement))


async def test_the_database_itself_keeps_tenants_apart(source, url):
    await filled(source, document("a", "dogs of acme"), document("b", "dogs of bolt", tenant_id="bolt"))
    every = text("SELECT text FROM vital_source.passages_1 ORDER BY text")
    database = Database(url)
    try:
        async with database.begin() as connection:  # a query without any condition
            await connection.execute(TAKE_ROLE, {"tenant": "acme"})
            assert (await connection.execute(every)).scalars().all() == ["dogs of acme"]
            hits = await connection.execute(
                text("SELECT id FROM vital_source.keyword_hits_1('dogs', 10, true)")
            )
            assert hits.scalars().all() == ["a#0"]
        async with database.begin() as connection:  # nothing is left of it, and the owner sees nothing
            assert (await connection.execute(every)).scalars().all() == []
        with pytest.raises(StoreError, match="row-level security"):
            await as_tenant(database, "UPDATE vital_source.passages_1 SET tenant_id = 'bolt' WHERE true")
        with pytest.raises(StoreError, match="must be owner"):
            await as_tenant(database, "ALTER TABLE vital_source.passages_1 DISABLE ROW LEVEL SECURITY")
    finally:
        await database.aclose()


async def test_writing_again_changes_nothing_and_new_versions_replace_old_ones(source):
    one = document("fees", "the fee is 500 dollars", "fees are due in march")
    index = await filled(source, one)
    await source.put(index, [one])
    assert [each.passages for each in await source.indexes()] == [2]
    await source.put(index, [document("fees", "the fee is 600 dollars")])
    assert await found(source, "fee") == ["the fee is 600 dollars"]
    assert [each.passages for each in await source.indexes()] == [1]


async def test_deleted_documents_are_found_no_more(source):
    index = await filled(source, document("a", "dogs of acme"), document("b", "more dogs"))
    await source.delete(index, [DocumentKey("a", "acme"), DocumentKey("never", "acme")])
    await source.delete(index, [DocumentKey("b", "bolt")])  # another tenant's
    assert await found(source, "dogs") == ["more dogs"]
    assert [each.passages for each in await source.indexes()] == [1]


async def test_writers_at_the_same_time_count_right(source):
    index = await filled(source)
    batches = [
        [document(f"{tenant}{number}", f"text {number}", tenant_id=tenant) for tenant in tenants]
        for number in range(6)
        for tenants in (("acme", "bolt"), ("bolt", "acme"))
    ]
    await asyncio.gather(*(source.put(index, batch) for batch in batches))
    assert [each.passages for each in await source.indexes()] == [12]


async def test_another_model_fills_a_second_index_while_the_first_answers(source, url):
    await filled(source, document("dogs", "dogs need a licence"))
    new = WordEmbedder("new", 32)
    newer = opened(url, WORDS, new)
    try:
        second = await newer.prepare(new.model)
        assert [(each.embedder, each.is_active) for each in await newer.indexes()] == [
            ("words", True),
            ("new", False),
        ]
        await newer.put(second.id, [document("dogs", "dogs need a new licence", embedder=new)])
        assert await found(newer, "dogs") == ["dogs need a licence"]
        searches = [asyncio.create_task(found(newer, "dogs")) for _ in range(10)]
        await newer.activate(second.id)
        answers = await asyncio.gather(*searches, found(newer, "dogs"))
        assert answers[-1] == ["dogs need a new licence"]
        assert {line for answer in answers for line in answer} <= {
            "dogs need a licence",
            "dogs need a new licence",
        }
        assert all(answers)
        assert [each.embedder for each in await newer.indexes()] == ["new"]
    finally:
        await newer.aclose()


async def test_an_engine_that_read_the_old_index_a_moment_ago_searches_the_new_one(source, url):
    await filled(source, document("dogs", "dogs need a licence"))
    other = opened(url)
    assert await found(other, "dogs")
    new = WordEmbedder("words", 32)
    index = await source.prepare(new.model)
    await source.put(index.id, [document("dogs", "dogs", embedder=new)])
    await source.activate(index.id)
    with pytest.raises(SourceError, match=r"words of 32 dimensions, which is not installed here"):
        await found(other, "dogs")
    await other.aclose()


async def test_without_any_model_words_find(source, url):
    await filled(source, document("dogs", "dogs need a licence"))
    wordless = SupabaseSource(url, {}, SourceGuard("supabase", Breakers()))
    assert await found(wordless, "licence") == ["dogs need a licence"]
    await wordless.aclose()


async def test_a_vector_of_another_dimension_is_refused_in_one_sentence(source):
    index = await source.prepare(WORDS.model)
    with pytest.raises(SourceError, match="expected 64 dimensions, not 32"):
        await source.put(index.id, [document("a", "b", embedder=WordEmbedder("x", 32))])


async def test_an_index_that_is_gone_is_named(source):
    await source.prepare(WORDS.model)
    with pytest.raises(
        SourceError, match="no longer has the index lost: run `vital sources sync supabase` again"
    ):
        await source.put("lost", [document("a", "b")])


async def test_a_table_that_was_dropped_by_hand_is_an_error_of_the_source(source, url):
    await filled(source, document("a", "b"))
    database = Database(url)
    async with database.begin() as connection:
        await connection.execute(text("DROP TABLE vital_source.passages_1"))
    await database.aclose()
    with pytest.raises(SourceError, match="passages_1"):
        await found(source, "b")


async def test_a_schema_of_a_newer_program_is_refused(source, url):
    await source.prepare(WORDS.model)
    database = Database(url)
    async with database.begin() as connection:
        await connection.execute(text("INSERT INTO vital_source.schema_version VALUES (99)"))
    await database.aclose()
    with pytest.raises(SourceError, match="has version 99, and this program knows 2: update it"):
        await source.prepare(WORDS.model)


async def test_a_user_who_may_make_roles_needs_nothing_beforehand():
    with running_postgres() as server:
        server.psql("CREATE ROLE maker LOGIN CREATEROLE; CREATE DATABASE made OWNER maker;")
        server.psql("\\connect made\nCREATE EXTENSION vector;")
        address = parse_url(server.get_uri())
        for user, database in (("maker", "made"), ("postgres", "postgres")):
            source = opened(address.set(database=database, username=user).render_as_string())
            await filled(
                source, document("a", "dogs of acme"), document("b", "dogs of bolt", tenant_id="bolt")
            )
            assert await found(source, "dogs") == ["dogs of acme"]
            await source.aclose()


async def test_many_may_prepare_at_once(url):
    sources = [opened(url) for _ in range(4)]
    indexes = await asyncio.gather(*(each.prepare(WORDS.model) for each in sources))
    assert len({index.id for index in indexes}) == 1
    for each in sources:
        await each.aclose()


@pytest.mark.parametrize(
    "address",
    ["sqlite+aiosqlite:///file.db", "mysql://me@host/name", "nonsense", "postgresql://host/db?no=1"],
)
def test_an_address_that_cannot_be_used_is_refused_with_the_variable(address):
    with pytest.raises(ConfigurationError, match="VITAL_SUPABASE_URL"):
        opened(address)


async def test_a_server_that_is_away_is_named_with_the_variable():
    source = opened("postgresql://me:secret@127.0.0.1:1/vital")
    with pytest.raises(SourceError, match="VITAL_SUPABASE_URL") as caught:
        await source.ping()
    assert "secret" not in str(caught.value)
    await source.aclose()


@pytest.mark.parametrize(
    "query", ["", "\0", "'; DROP TABLE x; --", "a & b | !c:*", "%s :tenant $1 \\", "🦊 " * 9]
)
async def test_any_text_is_a_question(source, query):
    await filled(source, document("dogs", "dogs need a licence"))
    assert await found(source, query) == ["dogs need a licence"]


BIG, SMALL = 20_000, 5


async def test_a_small_tenant_finds_its_own_among_the_neighbours_of_a_big_one(source, url, monkeypatch):
    """Nearer to the question than all 5 passages of the small tenant are 20,000 of the other."""
    index = await source.prepare(WORDS.model)
    rng, query = np.random.default_rng(1), WORDS.vector("dogs")

    def vectors(count: int, noise: float) -> bytes:
        rows = query + noise * rng.standard_normal((count, WORDS.dimension)) / 8
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("<f4")

    big = [
        CollectionPassage(f"big#{number}", "", f"dogs {number}", vector.tobytes())
        for number, vector in enumerate(vectors(BIG, 0.3))
    ]
    for start in range(0, BIG, 2_000):
        name = f"big{start}"
        some = tuple(big[start : start + 2_000])
        await source.put(index.id, [CollectionDocument(DocumentKey(name, "big"), name, name, some)])
    small = tuple(
        CollectionPassage(f"small#{number}", "", f"cats {number}", vector.tobytes())
        for number, vector in enumerate(vectors(SMALL, 3.0))
    )
    await source.put(index.id, [CollectionDocument(DocumentKey("small", "small"), "s", "s", small)])
    await source.activate(index.id)
    assert len(await found(source, "dogs", "small")) == SMALL
    with monkeypatch.context() as patch:  # as one would be searched that is not quite so small
        patch.setattr("vital_shared.retrieval.sources.supabase.statements.EXACT_PASSAGES", 0)
        patch.setattr("vital_shared.retrieval.sources.supabase.statements.EXACT_SHARE", BIG)
        impatient = opened(f"{url}&options=-c%20hnsw.max_scan_tuples%3D500%20-c%20enable_sort%3Doff")
        assert len(await found(impatient, "dogs", "small")) == SMALL
        await impatient.aclose()
    best = await source.search("dogs", tenant_id="big", limit=20)
    nearest = np.array([np.frombuffer(each.embedding, "<f4") for each in big]) @ query
    exact = {f"big#{number}" for number in np.argsort(-nearest)[:20]}
    by_cosine = {each.id for each in best}
    assert len(by_cosine & exact) >= 12  # the keywords move some


@pytest.fixture
def pooled(url: str) -> Iterator[str]:
    """The address of the database through PgBouncer."""
    with tempfile.TemporaryDirectory(prefix="vital-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        with running_pgbouncer(parse_url(url), Path(folder), sessions=2) as address:
            yield address.render_as_string()


async def test_it_works_through_a_pooler_that_gives_each_transaction_another_session(pooled):
    sources = [opened(pooled) for _ in range(3)]
    index = await filled(sources[0], document("a", "dogs of acme"))
    await sources[0].put(index, [document("b", "dogs of bolt", tenant_id="bolt")])

    async def ask(number: int) -> None:
        tenant = ("acme", "bolt")[number % 2]
        assert await found(sources[number % 3], "dogs", tenant) == [f"dogs of {tenant}"]

    await asyncio.gather(*(ask(number) for number in range(60)))
    for each in sources:
        await each.aclose()


async def test_words_are_looked_up_in_the_index_of_words(source, url):
    """Row-level security alone would read every passage of the tenant."""
    await filled(source, *(document(f"d{number}", f"word{number} text") for number in range(3_000)))
    database = Database(url)
    try:
        async with database.begin() as connection:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            await connection.execute(TAKE_ROLE, {"tenant": "acme"})
            statement = text("SELECT * FROM vital_source.keyword_hits_1('word77', 10, true)")
            assert len((await connection.execute(statement)).all()) == 1
            await connection.execute(text("SELECT pg_stat_force_next_flush()"))
        async with database.begin() as connection:
            used = text("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'passages_1_words'")
            assert (await connection.execute(used)).scalar_one() > 0
    finally:
        await database.aclose()


async def test_words_that_too_many_passages_have_find_none_by_themselves(source, url, monkeypatch):
    """Ranking all their passages would take longer, the more passages there are."""
    monkeypatch.setattr("vital_shared.retrieval.sources.supabase.schema.COMMON_PASSAGES", 20)
    database = Database(url)
    index = await filled(
        source, *(document(f"d{number}", f"the device word{number}") for number in range(30))
    )

    async def hits(words: str, *, few: bool) -> int:
        async with database.begin() as connection:
            await connection.execute(TAKE_ROLE, {"tenant": "acme"})
            statement = text("SELECT * FROM vital_source.keyword_hits_1(:words, 100, :few)")
            return len((await connection.execute(statement, {"words": words, "few": few})).all())

    assert await hits("device word7", few=False) == 1
    assert await hits("device word7", few=True) == 30
    assert await hits("the device", few=False) == 30  # there are no other words: all have to be there
    await source.put(index, [document("new", *(f"gadget {number}" for number in range(40)))])
    assert await hits("gadget word7", few=False) == 41
    await source.prepare(WORDS.model)  # the passages have doubled
    assert await hits("gadget word7", few=False) == 1
    await database.aclose()


async def test_words_in_another_language_are_found_in_other_forms(source, url):
    await filled(
        source,
        document("fees", "Die Gebühren werden von den Bibliotheken der Stadt jährlich festgelegt."),
        document("dogs", "dogs need a licence"),
    )
    wordless = SupabaseSource(url, {}, SourceGuard("supabase", Breakers()))
    assert await found(wordless, "Gebühr") == [
        "Die Gebühren werden von den Bibliotheken der Stadt jährlich festgelegt."
    ]
    assert await found(wordless, "licences for a dog") == ["dogs need a licence"]
    await wordless.aclose()
