"""A store with documents, and a Postgres server with pgvector beside it, with a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.postgres_server import PostgresServer, running_postgres, source_database

from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return source_database(postgres)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'vital.db'}")
    await database.migrate()
    yield database
    await database.aclose()


@pytest.fixture
def knowledge(store: Database) -> KnowledgeStore:
    return KnowledgeStore(store)
