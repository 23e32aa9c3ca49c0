"""Every test of the store runs on a SQLite file and on a real Postgres server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url
from tests.postgres_server import PostgresServer
from tests.store_database import DIALECTS

from vital_shared.store.database import Database


@pytest.fixture(params=DIALECTS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'data' / 'vital.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    # A user with a schema of its own sees nothing else, and is made sooner than a whole database.
    name = f"test_{uuid4().hex}"
    server.psql(
        f"CREATE ROLE {name} LOGIN SUPERUSER; CREATE SCHEMA {name}; ALTER ROLE {name} SET search_path = {name};"
    )
    address = make_url(server.get_uri()).set(drivername="postgresql+asyncpg", username=name)
    return address.render_as_string()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """A new database with the newest schema and nothing in it."""
    database = Database(url)
    await database.migrate()
    yield database
    await database.aclose()


@pytest.fixture
async def other(url: str, database: Database) -> AsyncIterator[Database]:
    """The same database as another process would see it: with connections of its own."""
    other = Database(url)
    yield other
    await other.aclose()
