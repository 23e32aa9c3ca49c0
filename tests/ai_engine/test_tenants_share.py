"""One tenant's many requests leave room for the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from tests.ai_engine.harness import Serve, Service, SteppedModel, asked

from ai_engine.runs.fair_slots import FairSlots
from ai_engine.runs.hub import RunHub
from vital_shared.models.limits import TenantLimits
from vital_shared.testing import counted

HOSTILE = {"tenant_id": "hostile", "model": "stepped"}


@asynccontextmanager
async def flood(service: Service, number: int) -> AsyncIterator[list[asyncio.Task[httpx.Response]]]:
    """Ask many slow questions on behalf of one tenant."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=service.client.base_url, limits=limits, timeout=60) as client:
        tasks = [
            asyncio.create_task(client.post("/v1/runs", json=asked(f"Question {n}?", **HOSTILE)))
            for n in range(number)
        ]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def until_waiting(shared: RunHub | FairSlots, number: int) -> None:
    async with asyncio.timeout(30):
        while shared.waiting != number:  # noqa: ASYNC110 - the service has no event for it
            await asyncio.sleep(0.01)


async def test_another_tenant_starts_with_the_next_slot_that_comes_free(serve: Serve) -> None:
    model = SteppedModel(["one"])
    service = await serve([model], settings={"max_concurrent_runs": 4, "max_waiting_runs": 20})
    with counted() as growth:
        async with flood(service, 60) as hostile:
            await until_waiting(service.engine.hub, 20)
            asking = asyncio.create_task(service.ask(tenant_id="acme"))
            await until_waiting(service.engine.hub, 21)
            model.step()
            assert (await asking).status_code == 200
            refused = [task.result() for task in hostile if task.done()]
            assert {r.status_code for r in refused} == {503, 200}
            assert [r.headers["retry-after"] for r in refused if r.status_code == 503] == ["1"] * 36
    assert growth("vital_requests_rejected_total", reason="overload") == 36


async def test_another_tenant_starts_at_once_though_one_has_taken_all_slots(
    serve: Serve, model: SteppedModel
) -> None:
    service = await serve([model], settings={"max_concurrent_runs": 40})
    async with flood(service, 300):
        await until_waiting(service.engine.hub, 100)
        assert service.engine.hub.active == 40
        assert (await service.ask(tenant_id="acme")).status_code == 200
        waiting = [
            asyncio.create_task(service.ask(f"{n}?", tenant_id="acme", model="stepped")) for n in range(2)
        ]
        while service.engine.hub.active < 42:  # noqa: ASYNC110 - the service has no event for it
            await asyncio.sleep(0.01)
        assert (await service.ask("And the other?", tenant_id="globex")).status_code == 200
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_slots_are_shared_by_weight(serve: Serve) -> None:
    model = SteppedModel(["one"])
    service = await serve([model], settings={"max_concurrent_runs": 8, "max_waiting_runs": 20})
    limits = service.services.limits
    await limits.set("acme", TenantLimits(weight=3), now=service.services.now())
    async with flood(service, 28):
        await until_waiting(service.engine.hub, 20)
        asking = [
            asyncio.create_task(service.ask(f"Question {n}?", tenant_id="acme", model="stepped"))
            for n in range(20)
        ]
        await until_waiting(service.engine.hub, 40)
        for ended in range(1, 9):
            model.step()
            await until_waiting(service.engine.hub, 40 - ended)
        shares = service.engine.hub._slots._shares
        assert (shares["acme"].held, shares["hostile"].held) == (6, 2)
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)


async def test_a_client_that_goes_waits_no_more(serve: Serve, model: SteppedModel) -> None:
    service = await serve([model], settings={"max_concurrent_runs": 1})
    first = asyncio.create_task(service.ask(model="stepped"))
    await model.asked.wait()
    for path, body in (
        ("/v1/runs", asked()),
        (
            "/v1/chat/completions",
            {"model": "mode-2/generalist", "messages": [{"role": "user", "content": "?"}]},
        ),
    ):
        waiting = asyncio.create_task(service.client.post(path, json=body))
        await until_waiting(service.engine.hub, 1)
        waiting.cancel()
        await until_waiting(service.engine.hub, 0)
    model.finish()
    assert (await first).status_code == 200


async def test_an_approval_waits_for_its_turn_too(serve: Serve, model: SteppedModel) -> None:
    service = await serve([model], settings={"max_concurrent_runs": 1})
    paused = (await service.ask("Calculate 12.5 % of 3,400", mode=1)).json()
    first = asyncio.create_task(service.ask(model="stepped"))
    await model.asked.wait()
    approving = asyncio.create_task(
        service.client.post(f"/v1/runs/{paused['run_id']}/approval", json={"approved": "all"})
    )
    await until_waiting(service.engine.hub, 1)
    model.finish()
    assert (await approving).json()["status"] == "completed"
    assert (await first).status_code == 200


async def test_uploads_wait_for_their_tenants_turn(service: Service) -> None:
    ingesting, weight_of = service.engine.ingesting, service.services.limits.weight
    for tenant in ("hostile", "hostile", "other"):
        await ingesting.take(tenant, weight_of)
    queue = [asyncio.create_task(ingesting.take("hostile", weight_of)) for _ in range(5)]
    uploading = asyncio.create_task(
        service.client.post(
            "/v1/documents", files={"file": ("a.md", b"# A\n\nText.")}, headers={"X-Tenant-ID": "acme"}
        )
    )
    await until_waiting(ingesting, 6)
    ingesting.give_back("hostile")
    assert (await uploading).status_code == 201
    for task in queue:
        task.cancel()
    await asyncio.wait(queue)
