"""The ledger of what sources hold names what they lack."""

from __future__ import annotations

import pytest

from vital_shared.models.knowledge import Chunk
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.source_documents import SourceDocuments


@pytest.fixture
def knowledge(database):
    return KnowledgeStore(database)


@pytest.fixture
def ledger(database):
    return SourceDocuments(database, "supabase")


async def add(knowledge, uri, *texts, tenant_id="acme"):
    chunks = [Chunk(text=text, embedding=b"1234") for text in texts]
    stored = await knowledge.replace(
        tenant_id=tenant_id, uri=uri, title=uri, content_hash=uri, media_type="text/plain", chunks=chunks
    )
    return stored.id


async def lacking(ledger, index="i"):
    return [version.uri for version in await ledger.outdated(index, limit=10)]


async def test_what_was_never_written_or_has_changed_since_is_outdated(knowledge, ledger):
    await add(knowledge, "a.md", "one")
    await add(knowledge, "b.md", "two", tenant_id=None)
    assert not await ledger.holds_any()
    assert sorted(await lacking(ledger)) == ["a.md", "b.md"]
    await ledger.record("i", await ledger.outdated("i", limit=10))
    assert await lacking(ledger) == []
    assert await ledger.behind("i") == 0
    assert await ledger.holds_any()
    await add(knowledge, "a.md", "one")
    assert await lacking(ledger) == ["a.md"]
    assert len(await lacking(ledger, "another index")) == 2
    await ledger.record("i", await ledger.outdated("i", limit=10))
    assert await ledger.behind("i") == 0


async def test_what_was_deleted_is_gone_until_the_source_has_deleted_it(knowledge, ledger):
    mine, shared = await add(knowledge, "a.md", "one"), await add(knowledge, "b.md", "two", tenant_id=None)
    await ledger.record("i", await ledger.outdated("i", limit=10))
    for document_id in (mine, shared):
        await knowledge.delete(document_id, tenant_id=None)
    assert await ledger.gone("i", limit=10) == {mine: "acme", shared: ""}
    assert await ledger.behind("i") == 2
    await ledger.forget("i", [mine])
    assert await ledger.gone("i", limit=10) == {shared: ""}


async def test_other_indexes_are_forgotten_with_the_switch(knowledge, ledger):
    await add(knowledge, "a.md", "one")
    for index in ("old", "new"):
        await ledger.record(index, await ledger.outdated(index, limit=10))
    await ledger.keep_only("new")
    assert (await ledger.behind("old"), await ledger.behind("new")) == (1, 0)


async def test_chunks_come_in_their_order(knowledge, ledger):
    ids = [await add(knowledge, "a.md", "one", "two"), await add(knowledge, "b.md", "three")]
    assert [(chunk.document_id, chunk.text) for chunk in await ledger.chunks_of(ids, model="")] == [
        (ids[0], "one"),
        (ids[0], "two"),
        (ids[1], "three"),
    ]
