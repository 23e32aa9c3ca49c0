"""Approving tool calls over HTTP: once, in time, by the right tenant, also after the engine was killed."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.ai_engine.harness import SUM, Serve, Service, asked
from tests.ai_engine.processes import running_server

from ai_engine.served_workflows import ServedWorkflows
from vital_shared.workflows.base_workflow import BaseWorkflow


async def paused(service: Service, **fields: object) -> dict:
    output = (await service.ask(SUM, mode=1, **fields)).json()
    assert output["status"] == "awaiting_approval"
    return output


async def approve(service: Service, run_id: str, body: object, **headers: str) -> httpx.Response:
    return await service.client.post(f"/v1/runs/{run_id}/approval", json=body, headers=headers)


async def test_a_run_pauses_with_what_it_asks_for(service: Service) -> None:
    output = await paused(service)
    (call,) = output["suggested_tools"]
    assert (call["id"], call["name"], call["cost_dollars"]) == ("call-1", "calculator", "0")
    shown = (await service.client.get(f"/v1/runs/{output['run_id']}")).json()
    assert (shown["status"], shown["output"]) == ("awaiting_approval", output)


@pytest.mark.parametrize("approved", [["call-1"], "all"])
async def test_an_approved_call_is_made(service: Service, approved: object) -> None:
    run_id = (await paused(service))["run_id"]
    output = (await approve(service, run_id, {"approved": approved})).json()
    assert (output["run_id"], output["status"]) == (run_id, "completed")
    assert [(result["status"], result["content"]) for result in output["tool_results"]] == [
        ("success", "12.5 % of 3,400 = 425")
    ]


@pytest.mark.parametrize("body", [{"approved": []}, {}])
async def test_nothing_approved_denies_all(service: Service, body: dict) -> None:
    run_id = (await paused(service))["run_id"]
    output = (await approve(service, run_id, body)).json()
    assert [result["status"] for result in output["tool_results"]] == ["denied"]


@pytest.mark.parametrize("body", [{"approved": "some"}, {"approved": [1]}, {"approve": []}, [], "all"])
async def test_what_is_no_approval_is_refused_and_the_run_still_waits(service: Service, body: object) -> None:
    run_id = (await paused(service))["run_id"]
    assert (await approve(service, run_id, body)).status_code == 422
    assert (await approve(service, run_id, {"approved": "all"})).status_code == 200


async def test_a_call_that_was_not_suggested_is_refused_and_the_run_still_waits(service: Service) -> None:
    run_id = (await paused(service))["run_id"]
    refused = await approve(service, run_id, {"approved": ["call-9"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "approved")
    assert (await approve(service, run_id, {"approved": ["call-1"]})).status_code == 200


async def test_the_events_go_on_with_the_next_number_and_are_one_sequence(service: Service) -> None:
    before = await service.events(json=asked(SUM, mode=1))
    assert before[-1]["type"] == "run_paused"
    assert "approval_required" in [event["type"] for event in before]
    path = f"/v1/runs/{before[0]['run_id']}"
    after = await service.events(f"{path}/approval", json={"approved": "all"})
    assert (after[0]["type"], after[0]["resumed"]) == ("run_started", True)
    assert after[0]["seq"] == before[-1]["seq"] + 1
    assert "tool_finished" in [event["type"] for event in after]
    assert await service.events(f"{path}/events") == before + after
    last = {"Last-Event-ID": str(before[-1]["seq"])}
    assert await service.events(f"{path}/events", headers=last) == after


async def test_of_many_who_approve_at_once_one_succeeds(service: Service) -> None:
    run_id = (await paused(service))["run_id"]
    answers = await asyncio.gather(*(approve(service, run_id, {"approved": "all"}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]


async def test_an_approval_on_another_engine_of_the_same_store_succeeds_once(serve: Serve) -> None:
    one, other = await serve(), await serve()
    run_id = (await paused(one))["run_id"]
    answers = await asyncio.gather(
        *(approve(service, run_id, {"approved": "all"}) for service in (one, other))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    shown = (await other.client.get(f"/v1/runs/{run_id}")).json()
    assert shown["status"] == "completed"


async def test_an_approval_that_comes_too_late_is_gone(serve: Serve) -> None:
    service = await serve(approval_ttl_seconds=60)
    run_id = (await paused(service))["run_id"]
    later = datetime.now(UTC) + timedelta(seconds=61)
    assert len(await service.services.runs.sweep(later)) == 1
    refused = await approve(service, run_id, {"approved": "all"})
    assert (refused.status_code, refused.json()["type"]) == (410, "urn:vital:run-expired")
    events = await service.events(f"/v1/runs/{run_id}/events")
    assert (events[-1]["type"], events[-1]["error_type"]) == ("run_failed", "expired")


async def test_a_run_of_a_workflow_that_has_changed_is_a_conflict(service: Service) -> None:
    class Other(BaseWorkflow):
        pass

    run_id = (await paused(service))["run_id"]
    changed = ServedWorkflows({"other": Other(service.services)})
    object.__setattr__(service.engine, "workflows", changed)
    assert (await approve(service, run_id, {"approved": "all"})).status_code == 409


async def test_a_run_that_has_ended_or_does_not_exist(service: Service) -> None:
    run_id = (await service.ask()).json()["run_id"]
    assert (await approve(service, run_id, {"approved": "all"})).status_code == 409
    assert (await approve(service, "run_0", {"approved": "all"})).status_code == 404


@pytest.mark.thorough
async def test_a_busy_engine_leaves_the_run_waiting(serve: Serve, model) -> None:
    service = await serve([model], settings={"max_concurrent_runs": 1})
    run_id = (await paused(service))["run_id"]
    working = asyncio.create_task(service.ask(model="stepped"))
    await model.asked.wait()
    assert (await approve(service, run_id, {"approved": "all"})).status_code == 503
    model.finish()
    await working
    assert (await approve(service, run_id, {"approved": "all"})).status_code == 200


async def test_a_waiting_run_survives_a_kill_of_the_engine(tmp_path) -> None:
    question = asked(SUM, mode=1, model=None)
    async with running_server(tmp_path) as (process, client):
        before = (await client.post("/v1/runs", json=question)).json()
        assert before["status"] == "awaiting_approval"
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with running_server(tmp_path) as (_, client):
        path = f"/v1/runs/{before['run_id']}"
        (last,) = [line for line in (await client.get(f"{path}/events")).text.splitlines() if "id:" in line]
        answers = await asyncio.gather(
            *(client.post(f"{path}/approval", json={"approved": ["call-1"]}) for _ in range(2))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        (output,) = [answer.json() for answer in answers if answer.status_code == 200]
        assert (output["run_id"], output["status"]) == (before["run_id"], "completed")
        assert output["tool_results"][0]["content"] == "12.5 % of 3,400 = 425"
        assert (await client.get(path)).json()["status"] == "completed"
        rest = await client.get(f"{path}/events", headers={"Last-Event-ID": last.removeprefix("id: ")})
        assert "run_finished" in rest.text
        assert "run_paused" not in rest.text
