"""A store with documents, and a Postgres server with pgvector beside it, with a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.postgres_server import PostgresServer, source_database
from tests.store_database import store_url

from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return source_database(postgres)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(store_url(tmp_path))
    await database.migrate()
    yield database
    await database.aclose()


@pytest.fixture
def knowledge(store: Database) -> KnowledgeStore:
    return KnowledgeStore(store)
