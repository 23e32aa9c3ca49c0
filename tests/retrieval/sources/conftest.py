"""A Postgres server with pgvector, and a database of the test's own on it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from tests.postgres_server import PostgresServer, running_postgres

from vital_shared.store.engines import parse_url


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """The address of a new database, as a user who owns it and is no superuser."""
    name = f"source_{uuid4().hex}"
    postgres.psql(
        f"CREATE ROLE {name} LOGIN CREATEROLE; CREATE DATABASE {name} OWNER {name};"
        # Roles belong to the whole server: each test's user may grant those that the first one made.
        " DO $$ BEGIN CREATE ROLE vital_source; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        " DO $$ BEGIN CREATE ROLE vital_source_index; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        f" GRANT vital_source, vital_source_index TO {name} WITH ADMIN TRUE, INHERIT FALSE, SET TRUE;"
    )
    postgres.psql(f"\\connect {name}\nCREATE EXTENSION vector;")
    return parse_url(postgres.get_uri()).set(database=name, username=name).render_as_string()
