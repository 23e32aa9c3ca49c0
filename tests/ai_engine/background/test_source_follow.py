"""A source that was filled follows the documents that come and go while the engine runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.ai_engine.harness import Serve
from tests.postgres_server import PostgresServer, source_database
from tests.retrieval.sources.collections import WordEmbedder

from ai_engine.background.source_follow import follow_documents
from vital_shared import Services
from vital_shared.breaker import Breakers
from vital_shared.errors import SourceError
from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.sources.guard import SourceGuard
from vital_shared.retrieval.sources.supabase.source import SupabaseSource
from vital_shared.testing import workflow_services
from vital_shared.workflows.source_sync import sync_collection

WORDS: Any = WordEmbedder()


@pytest.fixture
async def source(postgres: PostgresServer) -> AsyncIterator[SupabaseSource]:
    source = SupabaseSource(
        source_database(postgres), {WORDS.name: WORDS}, SourceGuard("supabase", Breakers())
    )
    yield source
    await source.aclose()


@pytest.fixture
async def services(tmp_path: Path, source: SupabaseSource) -> AsyncIterator[Services]:
    async with workflow_services(tmp_path) as opened:
        yield replace(opened, embedder=WORDS, collections=(source,))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ai_engine.background.source_follow.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("ai_engine.background.source_follow.RETRY_SECONDS", 0.01)


async def add(services: Services, uri: str, text: str) -> str:
    stored = await services.knowledge.replace(
        tenant_id="acme",
        uri=uri,
        title=uri,
        content_hash=text,
        media_type="text/plain",
        chunks=[Chunk(text=text)],
    )
    return stored.id


@asynccontextmanager
async def following(services: Services, source: SupabaseSource) -> AsyncIterator[None]:
    task = asyncio.create_task(follow_documents(services, source))
    yield
    task.cancel()
    await asyncio.wait([task])


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - another system's state
            await asyncio.sleep(0.01)


async def holds(source: SupabaseSource, *texts: str) -> bool:
    return {each.text for each in await source.search("dogs", tenant_id="acme", limit=9)} == set(texts)


async def test_new_changed_and_deleted_documents_follow(services, source):
    await add(services, "a.md", "dogs are brown")
    await sync_collection(services, source)
    async with following(services, source):
        other = await add(services, "b.md", "dogs are black")
        await until(lambda: holds(source, "dogs are brown", "dogs are black"))
        await add(services, "a.md", "dogs are white")
        await until(lambda: holds(source, "dogs are white", "dogs are black"))
        await services.knowledge.delete(other, tenant_id=None)
        await until(lambda: holds(source, "dogs are white"))
        assert await holds(source, "dogs are white")


async def test_a_source_that_was_never_filled_stays_empty(services, source, monkeypatch):
    await add(services, "a.md", "dogs are brown")
    reads, version = asyncio.Semaphore(0), services.knowledge.version

    async def read() -> int:
        reads.release()
        return await version()

    monkeypatch.setattr(services.knowledge, "version", read)
    async with following(services, source):
        for _ in range(2):  # with the second one the first look is over
            await reads.acquire()
        assert await source.indexes() == ()


async def test_one_that_fails_is_tried_again(services, source, monkeypatch):
    await add(services, "a.md", "dogs are brown")
    await sync_collection(services, source)
    put, failures = source.put, [SourceError("down")]

    async def flaky(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        await put(*arguments)

    monkeypatch.setattr(source, "put", flaky)
    async with following(services, source):
        await add(services, "b.md", "dogs are black")
        await until(lambda: holds(source, "dogs are brown", "dogs are black"))
        assert failures == []


async def test_a_source_that_is_down_is_named_and_the_engine_is_ready(serve: Serve):
    service = await serve(supabase_url="postgresql://nobody@127.0.0.1:1/nothing")
    response = await service.client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert any("The source supabase" in each for each in response.json()["missing"])
