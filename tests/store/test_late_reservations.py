"""A run that another worker has ended reserves nothing more: nobody would let go of it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from tests.run_record import run_record

from vital_shared.models.limits import TenantLimits
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.store.account_tables import reservations
from vital_shared.store.tables import runs
from vital_shared.testing import workflow_services

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


async def test_a_worker_that_wakes_up_late_reserves_nothing_for_a_run_that_has_ended(tmp_path):
    async with workflow_services(tmp_path) as services:
        await services.limits.set("acme", TenantLimits(daily_dollars="5"), now=NOW)
        request = WorkflowInput(query="How long?", mode=2, tenant_id="acme", user_id="ann")
        await services.runs.start(run_record(request, NOW), lambda: 10)
        await services.runs.fail(
            "run_1", status="failed", error_type="internal", message="It is over.", node=None, now=NOW
        )
        deadline = NOW + timedelta(minutes=5)
        await services.runs.reserve_more("run_1", 10, 0, tenant_id="acme", now=NOW, deadline_at=deadline)
        async with services.database.connect() as connection:
            assert (
                await connection.execute(select(func.count()).select_from(reservations))
            ).scalar_one() == 0


async def test_a_worker_that_has_lost_its_run_reserves_nothing_more_for_it(tmp_path):
    async with workflow_services(tmp_path) as services:
        await services.limits.set("acme", TenantLimits(daily_dollars="5"), now=NOW)
        request = WorkflowInput(query="How long?", mode=2, tenant_id="acme", user_id="ann")
        record = run_record(request, NOW)
        await services.runs.start(record, lambda: 10)
        fence, deadline = services.runs.fence(record), NOW + timedelta(minutes=5)
        until = {"tenant_id": "acme", "now": NOW, "deadline_at": deadline, "fence": fence}
        await services.runs.reserve_more("run_1", 5, 0, **until)
        async with services.database.begin() as connection:  # as a takeover does
            await connection.execute(update(runs).values(owner="another", epoch=runs.c.epoch + 1))
        await services.runs.reserve_more("run_1", 10, 0, **until)
        async with services.database.connect() as connection:
            assert (await connection.execute(select(reservations.c.cost_nanos))).scalars().all() == [15]
