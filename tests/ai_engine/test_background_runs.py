"""Runs in the background: accepted, queued, run without a reader, followed and cancelled; with a real DBOS."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from tests.ai_engine.harness import SUM, Serve, Service, SteppedModel, asked

from vital_shared.workflows.background.stored_run import cancel_run

ASYNC = {"Prefer": "respond-async"}


async def begin(service: Service, *, headers: Any = None, **fields: Any) -> str:
    response = await service.ask(headers=ASYNC | (headers or {}), **fields)
    assert response.status_code == 202, response.text
    run_id = response.json()["run_id"]
    assert response.headers["location"] == f"/v1/runs/{run_id}"
    assert response.headers["preference-applied"] == "respond-async"
    return str(run_id)


async def stored(service: Service, run_id: str, **headers: str) -> dict[str, Any]:
    return dict((await service.client.get(f"/v1/runs/{run_id}", headers=headers)).json())


async def ended(service: Service, run_id: str, *statuses: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            run = await stored(service, run_id)
            if run["status"] in (statuses or ("completed", "failed", "cancelled")):
                return run
            await asyncio.sleep(0.05)


async def test_a_run_is_accepted_at_once_and_answered_later(serve: Serve):
    service = await serve()
    run_id = await begin(service)
    run = await ended(service, run_id)
    assert run["status"] == "completed"
    assert run["output"]["response"] == "It takes 42 days [1]."


async def test_it_is_not_cancelled_because_nobody_reads_it(serve: Serve, model: SteppedModel):
    service = await serve([model], {"grace_seconds": 0.2})
    run_id = await begin(service, model="stepped")
    await model.asked.wait()
    await asyncio.sleep(1.5)  # past the grace, and the hub's tick
    model.finish()
    assert (await ended(service, run_id))["status"] == "completed"


async def test_a_reader_that_comes_and_goes_does_not_end_it(serve: Serve, model: SteppedModel):
    service = await serve([model], {"grace_seconds": 0.2})
    run_id = await begin(service, model="stepped")
    async with service.stream(f"/v1/runs/{run_id}/events") as events:
        assert (await anext(events))["type"] == "run_started"
    await asyncio.sleep(1.5)
    model.finish()
    assert (await ended(service, run_id))["status"] == "completed"


async def test_it_is_followed_from_the_queue_to_its_end(serve: Serve, model: SteppedModel):
    service = await serve([model])
    run_id = await begin(service, model="stepped")
    following = asyncio.create_task(service.events(f"/v1/runs/{run_id}/events"))
    await model.asked.wait()
    model.finish()
    events = await following
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["type"], events[-1]["type"]) == ("run_started", "run_finished")


async def test_it_pauses_and_is_approved_in_the_background(serve: Serve):
    service = await serve()
    run_id = await begin(service, query=SUM, mode=1, agent_id="regulatory-expert")
    assert (await ended(service, run_id, "awaiting_approval"))["output"]["suggested_tools"]
    response = await service.client.post(
        f"/v1/runs/{run_id}/approval", json={"approved": "all"}, headers=ASYNC
    )
    assert response.status_code == 202
    assert (await ended(service, run_id))["status"] == "completed"


async def test_the_same_key_gets_the_same_run(serve: Serve):
    service = await serve()
    key = {"Idempotency-Key": "once"}
    first = await begin(service, headers=key)
    assert await begin(service, headers=key) == first
    await ended(service, first)
    assert await begin(service, headers=key) == first
    other = await service.ask("Another?", headers=ASYNC | key)
    assert other.status_code == 422


async def test_what_cannot_be_is_refused_at_once(serve: Serve):
    service = await serve()
    response = await service.ask(headers=ASYNC, agent_id="nobody")
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "agent_id"


async def test_a_waiting_run_is_listed_and_cancelled_by_its_own_tenant_alone(
    serve: Serve, model: SteppedModel, monkeypatch
):
    monkeypatch.setenv("VITAL_BACKGROUND_RUNS_PER_TENANT", "1")
    service = await serve([model])
    first = await begin(service, model="stepped")
    await model.asked.wait()
    second = await begin(service, model="stepped")
    mine, others = {"X-Tenant-Id": "acme"}, {"X-Tenant-Id": "globex"}
    queue = (await service.client.get("/v1/queue", headers=mine)).json()
    assert ([run["run_id"] for run in queue["runs"]], queue["waiting"]) == ([second], 1)
    assert queue["oldest_wait_seconds"] >= 0
    assert (await service.client.get("/v1/queue", headers=others)).json()["waiting"] == 0
    assert (await service.client.delete(f"/v1/runs/{second}", headers=others)).status_code == 404
    assert (await service.client.delete(f"/v1/runs/{second}", headers=mine)).status_code == 204
    assert (await stored(service, second))["status"] == "cancelled"
    model.finish()
    assert (await ended(service, first))["status"] == "completed"


async def test_a_running_one_is_cancelled_by_its_id(serve: Serve, model: SteppedModel):
    service = await serve([model])
    run_id = await begin(service, model="stepped")
    await model.asked.wait()
    assert (await service.client.delete(f"/v1/runs/{run_id}")).status_code == 204
    assert (await stored(service, run_id))["status"] == "cancelled"


async def test_one_that_was_resumed_is_cancelled_from_another_process(serve: Serve, model: SteppedModel):
    service = await serve([model])
    run_id = await begin(service, query=SUM, mode=1, agent_id="regulatory-expert", model="stepped")
    await ended(service, run_id, "awaiting_approval")
    response = await service.client.post(
        f"/v1/runs/{run_id}/approval", json={"approved": "all"}, headers=ASYNC
    )
    assert response.status_code == 202
    async with asyncio.timeout(20):
        await model.asked.wait()
    assert await cancel_run(service.engine.services, run_id, "acme")
    assert (await ended(service, run_id))["status"] == "cancelled"


async def test_a_peer_says_only_of_a_run_that_it_was_cancelled_that_it_was(serve: Serve):
    service = await serve()
    run_id = await begin(service)
    await ended(service, run_id, "completed")
    assert not await service.engine.background.cancel_at_peer(run_id)
    paused = await begin(service, query=SUM, mode=1, agent_id="regulatory-expert")
    await ended(service, paused, "awaiting_approval")
    assert not await service.engine.background.cancel_at_peer(paused)
    assert (await service.client.delete(f"/v1/runs/{paused}")).status_code == 204
    assert (await stored(service, paused))["status"] == "cancelled"


async def test_a_workflow_of_its_own_name_takes_them_too(serve: Serve):
    service = await serve()
    response = await service.client.post("/v1/workflows/base-workflow/runs", json=asked(), headers=ASYNC)
    assert response.status_code == 202
    assert (await ended(service, response.json()["run_id"]))["status"] == "completed"


async def test_a_full_queue_refuses_more_of_its_tenant(serve: Serve, model: SteppedModel, monkeypatch):
    monkeypatch.setenv("VITAL_BACKGROUND_RUNS_PER_TENANT", "1")
    monkeypatch.setenv("VITAL_BACKGROUND_WAITING", "1")
    service = await serve([model])
    await begin(service, model="stepped")
    await model.asked.wait()
    await begin(service, model="stepped")
    refused = await service.ask(headers=ASYNC, model="stepped")
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:vital:queue-full")
    await begin(service, tenant_id="globex")


async def test_an_engine_without_background_runs_does_not_load_the_queue(serve: Serve):
    loaded = set(sys.modules)
    service = await serve()
    assert (await service.ask()).status_code == 200
    assert service.engine.background._dispatcher._queue is None
    assert "dbos" not in set(sys.modules) - loaded
