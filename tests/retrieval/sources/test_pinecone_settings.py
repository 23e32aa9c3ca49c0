"""Pinecone through the settings: asked beside the embedded index, and named where it does not answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.retrieval.sources.collections import WordEmbedder
from tests.retrieval.sources.pinecone_parts import collection_on, pinecone_server
from tests.retrieval.sources.pinecone_server import API_KEY, PineconeServer

from ai_engine.readiness import Readiness
from vital_shared import BaseWorkflow
from vital_shared.errors import ConfigurationError
from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.sources.sync import CollectionSync
from vital_shared.store.source_documents import SourceDocuments
from vital_shared.testing import CannedModel, question, workflow_services
from vital_shared.workflows.services import Services

WORDS = WordEmbedder()


@pytest.fixture
async def server() -> AsyncIterator[PineconeServer]:
    async with pinecone_server(PineconeServer(WORDS.dimension)) as server:
        yield server


@pytest.fixture
async def services(
    server: PineconeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    monkeypatch.setenv("PINECONE_API_KEY", API_KEY)
    models = [CannedModel("Dogs bark [1].")]
    async with workflow_services(tmp_path, models=models, pinecone_host=server.url) as services:
        yield services


async def test_a_run_asks_pinecone_beside_the_embedded_index(
    services: Services, server: PineconeServer
) -> None:
    chunk = Chunk(text="Dogs bark.", embedding=WORDS.vector("Dogs bark.").tobytes())
    await services.knowledge.replace(
        tenant_id="acme", uri="a.md", title="Dogs", content_hash="1", media_type="text/plain", chunks=[chunk]
    )
    (collection,) = services.collections
    await CollectionSync(SourceDocuments(services.database, "pinecone"), collection, WORDS).run()  # type: ignore[arg-type]

    output = await BaseWorkflow(services).execute_typed(question("Do dogs bark?", model="canned"))

    assert [source.name for source in services.sources] == ["memory", "pinecone"]
    assert output.cost.rag > 0
    assert len(server.seen("/query")) >= 2
    assert [citation.quote for citation in output.citations] == ["Dogs bark."]


async def test_a_pinecone_that_is_away_is_named_and_blocks_nothing(
    services: Services, server: PineconeServer, tmp_path: Path
) -> None:
    readiness = Readiness(services.database, tmp_path, services.collections)
    assert await readiness.silent_sources() == ()
    server.metric = "euclidean"
    (problem,) = await readiness.silent_sources()
    assert "metric euclidean" in problem
    assert await readiness.problems() == ()
    await readiness.aclose()


async def test_a_host_without_a_key_stops_the_start(
    server: PineconeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PINECONE_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="PINECONE_API_KEY is not"):
        async with workflow_services(tmp_path, pinecone_host=server.url):
            pass


async def test_more_than_one_process_may_make_the_first_index(server: PineconeServer) -> None:
    async with collection_on(server) as one, collection_on(server) as other:
        first, second = await one.prepare(WORDS.model), await other.prepare(WORDS.model)
    assert first == second
