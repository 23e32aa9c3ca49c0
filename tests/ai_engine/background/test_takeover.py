"""Orphaned runs: taken over, left to other workers, or given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update
from tests.ai_engine.background.orphans import Worker, ended, orphan

from vital_shared.store.durable_tables import run_nodes
from vital_shared.store.tables import runs
from vital_shared.testing import counted, workflow_services
from vital_shared.workflows.services import Services


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with workflow_services(tmp_path, lease_seconds=60) as opened:
        await opened.lease.hold()
        yield opened


@pytest.fixture
async def worker(services: Services) -> AsyncIterator[Worker]:
    async with asyncio.TaskGroup() as tasks:
        yield Worker(services, tasks)


async def test_orphans_are_taken_over_beyond_the_limit_of_runs(services: Services, worker: Worker):
    for number in range(3):
        await orphan(services, f"run_{number}")
    assert await worker.takeover.look() == 3
    found = [await ended(services, f"run_{number}") for number in range(3)]
    assert [(each.status, each.output and each.output.response) for each in found] == [
        ("completed", "HI")
    ] * 3


async def test_one_whose_worker_may_be_alive_is_left_until_this_one_has_held_its_lease_for_its_length(
    services: Services, worker: Worker
):
    await orphan(services, "run_1", lease_until=services.now().timestamp() - 1)
    assert await worker.takeover.look() == 0


@pytest.mark.parametrize("other", [{"workflow": "office.Other"}, {"plan": "another plan"}])
async def test_a_run_of_another_class_or_plan_is_left_to_a_worker_that_knows_it(
    services: Services, worker: Worker, other: dict[str, str]
):
    await orphan(services, "run_1", **other)
    assert await worker.takeover.look() == 0
    left = await services.runs.get("run_1", tenant_id=None)
    assert (left.status, left.epoch) == ("running", 0)
    (lost,) = await services.runs.sweep(left.deadline_at + timedelta(seconds=1))
    assert lost.run_id == "run_1"
    gone = await services.runs.get("run_1", tenant_id=None)
    assert gone.error_type == "lost"
    assert gone.error_message is not None
    assert "none that knows its workflow as it was" in gone.error_message


async def test_a_run_that_workers_die_with_is_given_up(services: Services, worker: Worker):
    await orphan(services, "run_1")
    async with services.database.begin() as connection:
        await connection.execute(update(runs).values(takeovers=2))
    with counted() as growth:
        assert await worker.takeover.look() == 0
        assert await worker.takeover.look() == 0
    gone = await services.runs.get("run_1", tenant_id=None)
    assert (gone.status, gone.error_type) == ("failed", "lost")
    assert gone.error_message == "It was given up: 3 workers have died with it."
    assert growth("vital_workflow_errors_total", error_type="lost") == 1


async def test_a_run_whose_input_no_longer_fits_is_ended_with_the_reason(services: Services, worker: Worker):
    await orphan(services, "run_1")
    async with services.database.begin() as connection:
        await connection.execute(
            update(runs).values(input='{"query":"hi","mode":"2","tenant_id":"acme","user_id":"ann","gone":1}')
        )
    assert await worker.takeover.look() == 0
    gone = await services.runs.get("run_1", tenant_id=None)
    assert gone.error_type == "lost"
    assert "no longer fits" in (gone.error_message or "")


async def test_a_worker_that_stops_takes_nothing_over(services: Services, worker: Worker):
    await orphan(services, "run_1")
    worker.hub.drain()
    assert await worker.takeover.look() == 0


async def test_a_finished_node_that_cannot_be_read_runs_again(services: Services, worker: Worker):
    record = await orphan(services, "run_1")
    async with services.database.begin() as connection:
        row = {"run_id": record.id, "node": "answer", "epoch": 0, "finished": '{"of": "another version"}'}
        await connection.execute(insert(run_nodes).values(row))
    assert await worker.takeover.look() == 1
    assert (await ended(services, "run_1")).status == "completed"


async def test_one_that_cannot_be_restored_keeps_no_other_from_it(
    services: Services, worker: Worker, monkeypatch: pytest.MonkeyPatch
):
    for number in range(2):
        await orphan(services, f"run_{number}")
    restore = services.logs.restore

    async def broken(run_id: str, *given: object, **more: object) -> object:
        if run_id == "run_0":
            raise RuntimeError("broken")
        return await restore(run_id, *given, **more)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(services.logs, "restore", broken)
    assert await worker.takeover.look() == 1
    assert (await ended(services, "run_1")).status == "completed"
    gone = await ended(services, "run_0")
    assert (gone.status, gone.error_message) == ("failed", "The worker that ran it died. RuntimeError.")
