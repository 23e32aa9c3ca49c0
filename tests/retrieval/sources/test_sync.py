"""A collection follows the documents: what was written stays, nothing is written twice, and all arrives."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.retrieval.sources.collections import WordEmbedder
from tests.store_database import store_url

from vital_shared.breaker import Breakers
from vital_shared.errors import Conflict, SourceError
from vital_shared.models.knowledge import Chunk
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.retrieval.collection import CollectionDocument
from vital_shared.retrieval.sources.guard import SourceGuard
from vital_shared.retrieval.sources.supabase.source import SupabaseSource
from vital_shared.retrieval.sources.sync import CollectionSync, SyncResult
from vital_shared.store.cache_epochs import CacheEpochs
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.source_documents import SourceDocuments
from vital_shared.store.source_leases import LEASE_SECONDS, SourceLease

WORDS = WordEmbedder()


class Recording(SupabaseSource):
    """Notes what is written, and fails when a test says so."""

    written: tuple[str, ...] = ()
    fails_after: int | None = None

    async def put(self, index_id: str, documents: Sequence[CollectionDocument]) -> None:
        if self.fails_after is not None and len(self.written) >= self.fails_after:
            raise SourceError("down")
        await super().put(index_id, documents)
        self.written += tuple(document.uri for document in documents)


@pytest.fixture
def ledger(store: Database) -> SourceDocuments:
    return SourceDocuments(store, "supabase")


@pytest.fixture
async def collection(url: str) -> AsyncIterator[Recording]:
    collection = Recording(url, {"words": WORDS}, SourceGuard("supabase", Breakers()))
    yield collection
    await collection.aclose()


async def add(
    knowledge: KnowledgeStore, uri: str, *texts: str, tenant_id: str | None = "acme", embed: bool = True
) -> str:
    chunks = [Chunk(text=text, embedding=WORDS.vector(text).tobytes() if embed else None) for text in texts]
    stored = await knowledge.replace(
        tenant_id=tenant_id, uri=uri, title=uri, content_hash=uri, media_type="text/plain", chunks=chunks
    )
    return stored.id


async def sync(
    ledger: SourceDocuments, collection: SupabaseSource, embedder: WordEmbedder = WORDS
) -> SyncResult:
    return await CollectionSync(ledger, collection, embedder).run()


async def found(collection: SupabaseSource, query: str = "dogs", tenant: str = "acme") -> set[str]:
    return {passage.text for passage in await collection.search(query, tenant_id=tenant, limit=50)}


async def passages(collection: SupabaseSource) -> list[int]:
    return [index.passages for index in await collection.indexes()]


async def test_all_documents_arrive_and_a_second_sync_writes_nothing(knowledge, ledger, collection):
    await add(knowledge, "a.md", "dogs of acme", "more dogs")
    await add(knowledge, "b.md", "dogs of all", tenant_id=None, embed=False)
    assert await sync(ledger, collection) == SyncResult(2, 0, 3, has_switched=True)
    assert await found(collection) == {"dogs of acme", "more dogs", "dogs of all"}
    assert await sync(ledger, collection) == SyncResult(0, 0, 0, has_switched=False)
    assert len(collection.written) == 2


async def test_changes_renames_and_deletions_follow(knowledge, ledger, collection):
    kept = await add(knowledge, "a.md", "dogs of acme")
    gone = await add(knowledge, "b.md", "dogs that go", "dogs that went")
    await sync(ledger, collection)
    await add(knowledge, "a.md", "dogs of acme, again")
    await knowledge.delete(gone, tenant_id=None)
    assert await sync(ledger, collection) == SyncResult(1, 1, 1, has_switched=False)
    found_now = await collection.search("dogs", tenant_id="acme", limit=9)
    assert [(each.text, each.document_id) for each in found_now] == [("dogs of acme, again", kept)]
    assert await passages(collection) == [1]


async def test_a_sync_that_failed_goes_on_where_it_was(knowledge, ledger, collection, monkeypatch):
    monkeypatch.setattr("vital_shared.retrieval.sources.sync.BATCH_PASSAGES", 2)
    for number in range(6):
        await add(knowledge, f"{number}.md", f"dogs {number}")
    collection.fails_after = 4
    with pytest.raises(SourceError):
        await sync(ledger, collection)
    assert await found(collection) == set()  # half of the documents would be worse than none
    collection.fails_after = None
    assert (await sync(ledger, collection)).written == 2
    assert sorted(collection.written) == [f"{number}.md" for number in range(6)]
    assert await passages(collection) == [6]


async def test_an_index_of_an_earlier_version_is_made_anew_by_the_sync_that_follows(
    knowledge, ledger, collection, url, store
):
    await add(knowledge, "a.md", "dogs of acme")
    await sync(ledger, collection)
    database = Database(url)
    async with database.begin() as connection:  # the schema as it was before passages had a language
        await connection.execute(text("ALTER TABLE vital_source.indexes DROP COLUMN has_languages"))
        await connection.execute(
            text("UPDATE vital_source.schema_version SET version = version - 1 WHERE version > 0")
        )
    await database.aclose()
    (old,) = await collection.indexes()
    assert not old.is_current

    follow = CollectionSync(ledger, collection, WORDS)
    assert (await follow.run(may_switch=False)).has_switched

    (new,) = await collection.indexes()
    assert new.is_current
    assert new.id != old.id
    assert await found(collection) == {"dogs of acme"}
    assert await follow.run(may_switch=False) == SyncResult(0, 0, 0, has_switched=False)


SYNC = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.retrieval.sources.test_sync import *
import vital_shared.retrieval.sources.sync as syncing
syncing.BATCH_PASSAGES = 3
async def main():
    database = Database(sys.argv[1])
    collection = SupabaseSource(sys.argv[2], {{"words": WORDS}}, SourceGuard("supabase", Breakers()))
    ledger = SourceDocuments(database, "supabase")
    lease = SourceLease(database, "supabase", lambda: datetime.now(UTC))
    shown = lambda done, total: print(done, flush=True)
    await lease.run(CollectionSync(ledger, collection, WORDS, shown).run)
asyncio.run(main())
"""


async def test_a_sync_that_was_killed_goes_on_where_it_was_and_writes_nothing_twice(
    knowledge, ledger, collection, store, url, tmp_path
):
    documents = 60
    for number in range(documents):
        await add(knowledge, f"{number}.md", f"dogs {number}")
    root = str(Path(__file__).parents[3])
    address = store_url(tmp_path)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SYNC.format(root=root), address, url, stdout=asyncio.subprocess.PIPE, cwd=root
    )
    assert process.stdout is not None
    while int(await process.stdout.readline()) < 9:
        pass
    process.send_signal(signal.SIGKILL)
    await process.wait()
    index = (await collection.indexes())[0]
    held = documents - await ledger.behind(index.id)
    assert 9 <= held < documents
    later = datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS + 1)
    result = await SourceLease(store, "supabase", lambda: later).run(
        CollectionSync(ledger, collection, WORDS).run
    )
    assert result.written == documents - held
    assert await passages(collection) == [documents]


async def test_another_model_is_indexed_beside_the_old_one_which_answers_meanwhile(
    knowledge, ledger, url, monkeypatch
):
    monkeypatch.setattr("vital_shared.retrieval.sources.sync.BATCH_PASSAGES", 1)
    new = WordEmbedder("new", 32)
    collection = Recording(url, {"words": WORDS, "new": new}, SourceGuard("supabase", Breakers()))
    await add(knowledge, "a.md", "dogs of acme")
    gone = await add(knowledge, "b.md", "dogs that go")
    await add(knowledge, "c.md", "dogs that stay")
    await sync(ledger, collection)
    await knowledge.delete(gone, tenant_id=None)
    collection.written, collection.fails_after = (), 1
    with pytest.raises(SourceError):
        await sync(ledger, collection, new)
    assert [each.embedder for each in await collection.indexes()] == ["words", "new"]
    assert await found(collection) == {"dogs of acme", "dogs that stay"}  # of the old one, less the deleted
    waiting = await CollectionSync(ledger, collection, new).run(may_switch=False)
    assert (waiting.written, waiting.needs_switch) == (0, True)
    collection.fails_after = None
    assert await sync(ledger, collection, new) == SyncResult(1, 0, 1, has_switched=True)
    assert await found(collection) == {"dogs of acme", "dogs that stay"}
    assert [(each.embedder, each.passages) for each in await collection.indexes()] == [("new", 2)]
    await collection.aclose()


async def test_an_index_that_was_lost_is_filled_anew(knowledge, ledger, collection, url):
    await add(knowledge, "a.md", "dogs of acme")
    await sync(ledger, collection)
    database = Database(url)
    async with database.begin() as connection:
        await connection.exec_driver_sql("DROP SCHEMA vital_source CASCADE")
    await database.aclose()
    assert await found(collection) == set()
    assert (await sync(ledger, collection)).written == 1
    assert await found(collection) == {"dogs of acme"}


async def test_each_change_of_a_source_makes_cached_answers_old(knowledge, ledger, collection, store):
    epochs = CacheEpochs(store)

    async def epoch() -> int:
        epochs.forget()
        return (await epochs.current("acme", WorkflowMode.MODE_2, "any")).epoch

    document = await add(knowledge, "a.md", "dogs")
    seen = [await epoch()]
    for change in (lambda: None, lambda: add(knowledge, "a.md", "cats")):
        if (changing := change()) is not None:
            await changing
        await sync(ledger, collection)
        seen.append(await epoch())
    await knowledge.delete(document, tenant_id=None)
    await sync(ledger, collection)
    seen.append(await epoch())
    assert seen == sorted(set(seen))
    before = await epoch()
    await sync(ledger, collection)
    assert await epoch() == before


async def test_a_document_of_more_passages_than_a_batch_is_whole(knowledge, ledger, collection, monkeypatch):
    monkeypatch.setattr("vital_shared.retrieval.sources.sync.BATCH_PASSAGES", 3)
    await add(knowledge, "a.md", *(f"dogs {number}" for number in range(10)))
    await add(knowledge, "empty.md")
    assert await sync(ledger, collection) == SyncResult(2, 0, 10, has_switched=True)
    assert await passages(collection) == [10]


async def test_two_syncs_of_one_source_come_one_after_the_other(store):
    leases = [SourceLease(store, "supabase", lambda: datetime.now(UTC)) for _ in range(2)]
    entered, leave, order = asyncio.Event(), asyncio.Event(), []

    async def first() -> None:
        entered.set()
        await leave.wait()
        order.append("first")

    async def second() -> None:
        order.append("second")

    async with asyncio.TaskGroup() as group:
        group.create_task(leases[0].run(first))
        await entered.wait()
        group.create_task(leases[1].run(second))
        await asyncio.sleep(0)
        leave.set()
    assert order == ["first", "second"]


async def test_a_sync_that_has_lost_its_lease_ends(store, monkeypatch):
    monkeypatch.setattr("vital_shared.store.source_leases.RENEW_SECONDS", 0.01)
    now = datetime.now(UTC)
    stalled = SourceLease(store, "supabase", lambda: now - timedelta(seconds=LEASE_SECONDS + 1))
    other, held = SourceLease(store, "supabase", lambda: now), asyncio.Event()

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(other.run(held.wait))
            await asyncio.Event().wait()

    with pytest.raises(Conflict, match="Another process"):
        await stalled.run(work)
