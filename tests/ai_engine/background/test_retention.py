"""The background task of retention: one process at a time, in the engine's name, counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.ai_engine.harness import serving
from tests.store.test_retention import NOW, fill, ids, run

from ai_engine.background.retention import LEASE, PASS_SECONDS, Retention
from vital_shared.models.audit import AuditQuery
from vital_shared.models.knowledge import Chunk
from vital_shared.models.retention import RetentionTable
from vital_shared.monitoring.metrics import RETENTION_DELETED_TOTAL
from vital_shared.store.audit import AuditStore
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.source_leases import SourceLease
from vital_shared.testing import workflow_services

RULES = RetentionTable.model_validate({"runs": "30d", "documents": "30d"})


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'vital.db'}")
    await database.migrate()
    yield database
    await database.aclose()


class Slept:
    """Notes the rests instead of waiting, and ends the task with the rest between two passes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if seconds == PASS_SECONDS:
            raise asyncio.CancelledError


async def one_pass(database: Database, rules: RetentionTable = RULES, now: datetime = NOW) -> Slept:
    slept = Slept()
    task = asyncio.create_task(
        Retention(database, KnowledgeStore(database), rules, lambda: now, slept).watch()
    )
    await asyncio.wait([task])
    assert task.cancelled() or task.exception() is None
    return slept


async def test_a_pass_deletes_counts_and_rests_after_each_step(database: Database):
    await fill(database, [run(40, number) for number in range(250)])
    before = RETENTION_DELETED_TOTAL.labels("runs").value
    slept = await one_pass(database)
    assert await ids(database) == set()
    assert RETENTION_DELETED_TOTAL.labels("runs").value - before == 250
    assert len(slept.seconds) == 3 + 1 + 1  # steps of runs, of documents, and the rest between two passes
    assert min(slept.seconds) >= 0.05


async def test_where_another_process_is_at_work_it_deletes_nothing(database: Database):
    await fill(database, [run(40)])
    other = Database(str(database.file).join(("sqlite+aiosqlite:///", "")))

    async def meanwhile() -> None:
        assert (await one_pass(database)).seconds == [PASS_SECONDS]

    await SourceLease(other, LEASE, lambda: NOW).run(meanwhile)
    await other.aclose()
    assert await ids(database) == {"acme-40-0"}
    await one_pass(database)
    assert await ids(database) == set()


async def test_without_rules_there_is_no_task(database: Database):
    assert (await one_pass(database, RetentionTable())).seconds == []


async def test_a_deleted_document_names_retention_in_the_audit_log(database: Database):
    await KnowledgeStore(database).replace(
        tenant_id="acme",
        uri="u",
        title="t",
        content_hash="h",
        media_type="text/plain",
        chunks=[Chunk(section="", text="words")],
    )
    await one_pass(database, now=datetime.now(UTC) + timedelta(days=31))
    page = await AuditStore(database).page(AuditQuery(action="document_deleted"), tenant_id=None)
    assert [(each.actor_kind, each.actor) for each in page.entries] == [("program", "retention")]


async def test_an_engine_deletes_what_its_configuration_says(tmp_path: Path):
    (tmp_path / "vital.toml").write_text(
        '[retention]\nruns = "30d"\n[retention.tenants."acme"]\nruns = "1d"\n'
    )
    async with workflow_services(tmp_path / "data", config=str(tmp_path / "vital.toml")) as services:
        now = services.now()
        rows = [run(2) | {"created_at": now - timedelta(days=2)}, run(2, tenant="globex")]
        rows[1] |= {"created_at": now - timedelta(days=2)}
        await fill(services.database, rows)
        async with serving(services), asyncio.timeout(20):
            while len(await ids(services.database)) > 1:  # noqa: ASYNC110 - nothing is signalled
                await asyncio.sleep(0.02)
        assert await ids(services.database) == {"globex-2-0"}
