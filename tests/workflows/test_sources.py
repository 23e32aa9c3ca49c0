"""Runs that ask a source in another system: whatever state it is in, the run is answered in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text
from tests.postgres_server import PostgresServer, running_postgres, source_database
from tests.retrieval.sources.collections import WordEmbedder, document
from tests.store.freezing import frozen_postgres
from tests.workflows.conftest import FACT, Open

from vital_shared import BaseWorkflow, Services
from vital_shared.breaker import BREAKER_FAILURES, Breakers
from vital_shared.models.knowledge import Chunk
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.retrieval.sources.guard import SourceGuard
from vital_shared.retrieval.sources.supabase.source import SupabaseSource
from vital_shared.retrieval.sources.sync import CollectionSync
from vital_shared.store.database import Database
from vital_shared.store.source_documents import SourceDocuments
from vital_shared.testing import CannedSource, question
from vital_shared.workflows.base_workflow import SEARCH_SECONDS

WORDS = WordEmbedder()
DOWN = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """The source's own server: the store goes on where this one stands still."""
    with running_postgres() as found:
        yield found


@pytest.fixture
def url(server: PostgresServer) -> str:
    return source_database(server)


@pytest.fixture
async def source(url: str) -> AsyncIterator[SupabaseSource]:
    """A source with one document."""
    source = SupabaseSource(url, {"words": WORDS}, SourceGuard("supabase", Breakers()))
    index = await source.prepare(WORDS.model)
    await source.put(index.id, [document("review", "The review of a gadget takes 7 days.")])
    await source.activate(index.id)
    yield source
    await source.aclose()


async def ask(services: Services, query: str = "How long is the review of a gadget?") -> WorkflowOutput:
    return await BaseWorkflow(services).execute_typed(question(query, model="canned"))


def uris(output: WorkflowOutput) -> set[str]:
    return {citation.uri for citation in output.citations}


async def test_a_configured_source_is_asked_with_the_others(open_services: Open, source, url):
    services = await open_services(supabase_url=url, sources=[])
    assert [each.name for each in services.sources] == ["memory", "supabase"]
    output = await ask(services)
    assert uris(output) == {"review.md"}
    assert not set(output.degradation_reasons) & {"rag_failed", "rag_timeout", "no_sources"}


async def test_one_that_takes_ten_seconds_is_left_out_at_the_deadline(open_services: Open, source, url):
    services = await open_services(supabase_url=url, sources=[CannedSource([FACT])])
    await ask(services)
    database = Database(url)
    locked, enough = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with database.begin() as connection:
            await connection.execute(text("LOCK TABLE vital_source.passages_1"))
            locked.set()
            await enough.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(hold())
        await locked.wait()
        started = time.perf_counter()
        output = await ask(services)
        seconds = time.perf_counter() - started
        enough.set()
    await database.aclose()
    assert "rag_timeout" in output.degradation_reasons
    assert uris(output) == {FACT.uri}  # the other source's
    assert SEARCH_SECONDS - 0.5 <= seconds < 2 * SEARCH_SECONDS
    assert output.quality_score < 1
    assert "rag_timeout" not in (await ask(services)).degradation_reasons


async def test_one_whose_server_stands_still_is_left_out_at_the_deadline(
    open_services: Open, source, url, server: PostgresServer
):
    services = await open_services(supabase_url=url, sources=[CannedSource([FACT])])
    await ask(services)
    with frozen_postgres(server.pgdata):
        started = time.perf_counter()
        outputs = await asyncio.gather(*(ask(services) for _ in range(4)))
        seconds = time.perf_counter() - started
        ready = time.perf_counter()
        assert "rag_timeout" in (await ask(services)).degradation_reasons
        assert time.perf_counter() - ready < 2 * SEARCH_SECONDS
        assert "rag_failed" in (await ask(services)).degradation_reasons  # it is left alone
    assert {reason for output in outputs for reason in output.degradation_reasons} >= {"rag_timeout"}
    assert seconds < 2 * SEARCH_SECONDS
    assert all(uris(output) == {FACT.uri} for output in outputs)


async def test_one_that_is_down_degrades_and_is_then_left_alone(open_services: Open):
    services = await open_services(supabase_url=DOWN, sources=[CannedSource([FACT])])
    for _ in range(BREAKER_FAILURES):
        output = await ask(services)
        assert "rag_failed" in output.degradation_reasons
        assert uris(output) == {FACT.uri}
    assert services.source_breakers.left_alone == {"supabase"}
    assert "rag_failed" in (await ask(services)).degradation_reasons


async def test_an_empty_one_is_no_degradation(open_services: Open, url):
    services = await open_services(supabase_url=url, sources=[CannedSource([FACT])])
    output = await ask(services)
    assert uris(output) == {FACT.uri}
    assert not set(output.degradation_reasons) & {"rag_failed", "rag_timeout"}


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE vital_source.passages_1 CASCADE",
        "DROP FUNCTION vital_source.keyword_hits_1",
        "ALTER TABLE vital_source.passages_1 RENAME COLUMN text TO words",
        "UPDATE vital_source.indexes SET embedder = 'another model'",
        "UPDATE vital_source.indexes SET dimension = 3",
        "REVOKE ALL ON vital_source.passages_1 FROM vital_source",
    ],
)
async def test_one_that_is_damaged_or_half_made_degrades(open_services: Open, source, url, damage):
    database = Database(url)
    async with database.begin() as connection:
        await connection.execute(
            text("SET LOCAL ROLE vital_source_index" if "FUNCTION" in damage else "SELECT 1")
        )
        await connection.execute(text(damage))
    await database.aclose()
    damaged = SupabaseSource(url, {"words": WORDS}, SourceGuard("supabase", Breakers()))
    services = await open_services(sources=[damaged, CannedSource([FACT])])
    output = await ask(services)
    await damaged.aclose()
    assert "rag_failed" in output.degradation_reasons
    assert uris(output) == {FACT.uri}


async def test_what_changes_in_a_source_is_not_answered_from_the_cache(open_services: Open, source):
    services = await open_services(cache_entries=10, sources=[CannedSource([FACT])])
    await services.knowledge.replace(
        tenant_id="acme",
        uri="new.md",
        title="New",
        content_hash="new",
        media_type="text/plain",
        chunks=[Chunk(text="Gizmos are blue.")],
    )
    query = "How long is the review of a widget?"
    statuses = [(await ask(services, query)).cache_status for _ in range(2)]
    await CollectionSync(SourceDocuments(services.database, "supabase"), source, WORDS).run()
    services.epochs.forget()
    statuses += [(await ask(services, query)).cache_status for _ in range(2)]
    assert statuses == ["miss", "hit", "miss", "hit"]
