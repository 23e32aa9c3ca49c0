"""A tenant with a long queue of background runs holds up no other; with a real DBOS."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from tests.workflows.conftest import Open, open_services

from vital_shared import BackgroundWorker, Workflow, node
from vital_shared.models.limits import TenantLimits
from vital_shared.testing import question

__all__ = ["open_services"]

QUEUED: Final = 500
"""Runs of one tenant that wait before another's only one is queued."""

AT_ONCE: Final = 8
"""Runs that a process works on at once."""

begun: list[str] = []
"""The tenants of the runs that have begun, in their order."""


class Slow(Workflow):
    """A run that takes as long as the queue needs to hand out another."""

    @node
    async def answer(self, query: str) -> str:
        begun.append(query)
        await asyncio.sleep(0.3)
        return query


@pytest.fixture(autouse=True)
def _none_begun() -> None:
    begun.clear()


async def test_one_tenants_long_queue_does_not_hold_up_anothers_single_run(open_services: Open):
    workflow = Slow(await open_services())
    for _ in range(QUEUED):
        await workflow.start_in_background(question("acme", tenant_id="acme"))
    late = await workflow.start_in_background(question("globex", tenant_id="globex"))
    async with BackgroundWorker(workflow), asyncio.timeout(25):
        await workflow.wait_for_run(late, tenant_id="globex")
    assert begun.index("globex") < 2 * AT_ONCE, "it begins with the first or the second free places"


@pytest.mark.thorough
async def test_tenants_at_their_rate_limit_hold_no_place_that_another_could_have(
    open_services: Open,
) -> None:
    services = await open_services()
    workflow = Slow(services)
    for tenant in ("acme", "globex"):
        await services.limits.set(tenant, TenantLimits(requests_per_minute=1), now=services.now())
        for _ in range(AT_ONCE):
            await workflow.start_in_background(question(tenant, tenant_id=tenant))
    async with BackgroundWorker(workflow):
        async with asyncio.timeout(25):
            while len(begun) < 2:  # noqa: ASYNC110 - a list has no event
                await asyncio.sleep(0.05)
            await asyncio.sleep(2.5)  # so long that all places could be taken
            late = await workflow.start_in_background(question("initech", tenant_id="initech"))
            await workflow.wait_for_run(late, tenant_id="initech")
    assert sorted(begun) == ["acme", "globex", "initech"]
