"""A worker that takes runs over, and runs whose workers have died."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from sqlalchemy import update
from tests.run_record import run_record

from ai_engine.background.takeover import Takeover
from ai_engine.runs.fair_slots import FairSlots
from ai_engine.runs.hub import RunHub
from ai_engine.served_workflows import ServedWorkflows
from vital_shared import Workflow, node
from vital_shared.store.durable_tables import workers
from vital_shared.store.run_record import RunRecord
from vital_shared.store.runs import RunStore
from vital_shared.store.worker_lease import WorkerLease
from vital_shared.testing import question
from vital_shared.workflows.services import Services
from vital_shared.workflows.workflow_parts import stored_name


class Known(Workflow):
    durable = "nodes"

    @node
    async def answer(self, query: str) -> str:
        return query.upper()


class Worker:
    """The part of an engine that takes runs over."""

    def __init__(
        self,
        services: Services,
        tasks: asyncio.TaskGroup,
        max_takeovers: int = 2,
        served: Mapping[str, type[Workflow]] = MappingProxyType({"known": Known}),
    ) -> None:
        slots = FairSlots(1, max_waiting=0, wait_seconds=1, work="runs")
        self.hub = RunHub(
            tasks,
            logs=services.logs,
            slots=slots,
            weight_of=services.limits.weight,
            grace_seconds=10,
            retention_seconds=10,
        )
        workflows = ServedWorkflows.create(dict(served), services)
        self.takeover = Takeover(services, workflows, self.hub, max_takeovers=max_takeovers)


async def orphan(services: Services, run_id: str, *, lease_until: float = 1.0, **fields: object) -> RunRecord:
    """Store a run whose worker has died."""
    lease = WorkerLease(services.settings.url, seconds=60)
    await lease.hold()
    known = {"workflow": stored_name(Known), "plan": Known.plan.fingerprint, "is_durable": True}
    record = run_record(question("hi"), datetime.now(UTC), run_id).model_copy(update=known | fields)
    await RunStore(services.database, worker=lease.id).start(record)
    await lease.aclose()
    async with services.database.begin() as connection:
        await connection.execute(
            update(workers).where(workers.c.id == lease.id).values(lease_until=lease_until)
        )
    return record


async def ended(services: Services, run_id: str) -> RunRecord:
    async with asyncio.timeout(10):
        while True:
            record = await services.runs.get(run_id, tenant_id=None)
            if record.status != "running":
                return record
            await asyncio.sleep(0.01)
