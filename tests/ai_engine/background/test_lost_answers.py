"""A run that a worker has taken without knowing: the store has it, and the connection broke before its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.ai_engine.background.orphans import Known, Worker, ended, orphan
from tests.ai_engine.deciding_workflow import Deciding

from vital_shared import Workflow
from vital_shared.errors import StoreError
from vital_shared.store.run_record import RunRecord
from vital_shared.store.runs import RunStore
from vital_shared.store.worker_lease import WorkerLease
from vital_shared.testing import question, workflow_services
from vital_shared.workflows.decision import Decision
from vital_shared.workflows.services import Services


class Passing(Deciding):
    durable = "pauses"


@pytest.fixture
async def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Services]:
    monkeypatch.setattr(WorkerLease, "may_take_over", property(lambda lease: lease.is_held))
    async with workflow_services(tmp_path, lease_seconds=60) as opened:
        await opened.lease.hold()
        yield opened


@pytest.fixture
async def worker(services: Services) -> AsyncIterator[Worker]:
    async with asyncio.TaskGroup() as tasks:
        yield Worker(services, tasks, served={"known": Known, "deciding": Deciding, "passing": Passing})


@contextmanager
def broken_connection(
    services: Services, monkeypatch: pytest.MonkeyPatch, *, is_committed: bool
) -> Iterator[None]:
    """Lose the connection to the store with each transaction, before it is committed or just behind it."""
    begin = services.database.begin

    @asynccontextmanager
    async def broken() -> AsyncIterator[AsyncConnection]:
        async with begin() as connection:
            yield connection
            if not is_committed:
                raise StoreError("The connection is gone.")
        raise StoreError("The connection is gone.")

    with monkeypatch.context() as patch:
        patch.setattr(services.database, "begin", broken)
        yield


async def paused(services: Services, workflow: type[Workflow] = Deciding) -> RunRecord:
    handle = await workflow(services).begin(question("bees"))
    await handle.run()
    record = await services.runs.get(handle.run_id, tenant_id=None)
    assert record.status == "awaiting_approval"
    return record


async def test_a_worker_goes_on_with_a_run_that_it_took_over_without_knowing(
    services: Services, worker: Worker, monkeypatch: pytest.MonkeyPatch
):
    await orphan(services, "run_1")
    with broken_connection(services, monkeypatch, is_committed=True), pytest.raises(StoreError):
        await worker.takeover.look()
    assert await worker.takeover.look() == 0  # it may be about to begin
    assert await worker.takeover.look() == 1
    record = await ended(services, "run_1")
    assert (record.status, record.epoch, record.takeovers) == ("completed", 2, 1)


async def test_a_worker_goes_on_with_a_run_that_was_resumed_without_its_knowing(
    services: Services, worker: Worker, monkeypatch: pytest.MonkeyPatch
):
    record = await paused(services)
    decision = Decision(answers={"verdict": True})
    with broken_connection(services, monkeypatch, is_committed=True), pytest.raises(StoreError):
        await Deciding(services).begin_resumed(record.id, decision, tenant_id="acme")
    looks = [await worker.takeover.look() for _ in range(3)]
    assert looks == [0, 1, 0]
    resumed = await ended(services, record.id)
    assert resumed.output is not None
    assert (resumed.status, resumed.output.response) == ("completed", "draft of bees: True")


async def test_a_run_that_no_worker_can_go_on_with_ends_soon(
    services: Services, worker: Worker, monkeypatch: pytest.MonkeyPatch
):
    record = await paused(services, Passing)
    with broken_connection(services, monkeypatch, is_committed=True), pytest.raises(StoreError):
        await Passing(services).begin_resumed(
            record.id, Decision(answers={"verdict": True}), tenant_id="acme"
        )
    assert [await worker.takeover.look() for _ in range(2)] == [0, 0]
    gone = await ended(services, record.id)
    assert (gone.status, gone.error_type) == ("failed", "lost")
    assert "connection to the database was lost" in (gone.error_message or "")


async def test_a_resumption_that_was_asked_for_again_is_left_to_itself(
    services: Services, worker: Worker, monkeypatch: pytest.MonkeyPatch
):
    record = await paused(services)
    decision = Decision(answers={"verdict": True})
    with broken_connection(services, monkeypatch, is_committed=False), pytest.raises(StoreError):
        await Deciding(services).begin_resumed(record.id, decision, tenant_id="acme")
    handle = await Deciding(services).begin_resumed(record.id, decision, tenant_id="acme")
    assert [await worker.takeover.look() for _ in range(3)] == [0, 0, 0]
    await handle.run()
    assert (await ended(services, record.id)).epoch == 1


async def test_a_run_that_another_worker_got_is_left_to_it(
    services: Services, worker: Worker, monkeypatch: pytest.MonkeyPatch
):
    record = await paused(services)
    with broken_connection(services, monkeypatch, is_committed=False), pytest.raises(StoreError):
        await Deciding(services).begin_resumed(
            record.id, Decision(answers={"verdict": True}), tenant_id="acme"
        )
    other = WorkerLease(services.settings.url, seconds=60)
    await other.hold()
    now = services.now()
    await RunStore(services.database, worker=other.id).claim(
        record.id, tenant_id="acme", now=now, deadline_at=now + timedelta(minutes=5)
    )
    assert [await worker.takeover.look() for _ in range(3)] == [0, 0, 0]
    await other.aclose()
