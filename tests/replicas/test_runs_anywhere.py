"""A run may be approved, followed, cancelled, joined and repeated at any replica."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from tests.ai_engine.harness import SUM
from tests.llm.wires.servers import openai
from tests.replicas.replicas import Replicas, asked

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),  # three files start three replicas each, at the same time
]


def numbers(events: list[dict[str, object]]) -> list[object]:
    return [event["seq"] for event in events]


async def paused(replicas: Replicas, tenant: str) -> str:
    """Begin a run at the first replica that waits for approval; gives its id."""
    waiting = await replicas.ask(0, SUM, mode=1, model=None, tenant_id=tenant, enable_tools=True)
    assert waiting.json()["status"] == "awaiting_approval", waiting.text
    run_id: str = waiting.json()["run_id"]
    return run_id


async def test_a_run_is_approved_and_followed_at_replicas_that_did_not_begin_it(replicas: Replicas) -> None:
    run_id = await paused(replicas, replicas.tenant())
    shown = await replicas.clients[1].get(f"/v1/runs/{run_id}")
    assert shown.json()["status"] == "awaiting_approval"
    approved = await replicas.clients[2].post(f"/v1/runs/{run_id}/approval", json={"approved": "all"})
    assert (approved.status_code, approved.json()["status"]) == (200, "completed"), approved.text
    for replica in range(3):
        events = await replicas.all_events(replica, run_id)
        assert events[-1]["type"] == "run_finished"
        assert numbers(events) == list(range(1, len(events) + 1))
        again = await replicas.clients[replica].post(f"/v1/runs/{run_id}/resume", json={"approved": "all"})
        assert again.status_code == 409


async def test_of_replicas_that_resume_a_run_at_once_one_does(replicas: Replicas) -> None:
    run_id = await paused(replicas, replicas.tenant())
    answers = await asyncio.gather(
        *(client.post(f"/v1/runs/{run_id}/resume", json={"approved": "all"}) for client in replicas.clients)
    )
    assert sorted(each.status_code for each in answers) == [200, 409, 409]


async def test_a_stream_goes_on_at_another_replica_without_gap_or_repetition(replicas: Replicas) -> None:
    body = asked("What of held-stream?", tenant_id=replicas.tenant())
    seen = []
    async with replicas.events(0, json=body) as events:
        async for event in events:
            seen.append(event)
            if event["type"] == "token":
                break
        run_id = seen[0]["run_id"]
        async with replicas.events(1, f"/v1/runs/{run_id}/events", after=len(seen)) as elsewhere:
            replicas.provider.gates["held-stream"].set()
            seen += [event async for event in elsewhere]
        assert await replicas.all_events(2, run_id) == seen
    assert numbers(seen) == list(range(1, len(seen) + 1))
    assert "".join(str(each["text"]) for each in seen if each["type"] == "token") == openai.SAID


async def test_any_replica_cancels(replicas: Replicas) -> None:
    async with replicas.events(0, json=asked("held-cancel?", tenant_id=replicas.tenant())) as events:
        run_id = (await anext(events))["run_id"]
        await replicas.provider.asked["held-cancel"].wait()
        cancelled = await replicas.clients[1].delete(f"/v1/runs/{run_id}")
        assert cancelled.status_code == 204, cancelled.text
        assert [event async for event in events][-1]["error_type"] == "cancelled"
    assert (await replicas.clients[2].get(f"/v1/runs/{run_id}")).json()["status"] == "cancelled"
    assert (await replicas.clients[2].delete(f"/v1/runs/{run_id}")).status_code == 409


async def test_no_tenant_reaches_anothers_run_at_any_replica(replicas: Replicas) -> None:
    run_id = await paused(replicas, replicas.tenant())
    other = {"X-Tenant-ID": replicas.tenant()}
    for client in replicas.clients:
        for method, path in (("GET", ""), ("GET", "/events"), ("DELETE", ""), ("POST", "/resume")):
            answer = await client.request(method, f"/v1/runs/{run_id}{path}", headers=other, json={})
            assert answer.status_code == 404, (method, path, answer.text)


async def test_equal_questions_at_all_replicas_cost_one_call(replicas: Replicas) -> None:
    fields = {"query": "What of held-flight?", "tenant_id": replicas.tenant(), "mode": 2}
    asking = [asyncio.create_task(replicas.ask(number % 3, **fields)) for number in range(30)]
    await replicas.provider.asked["held-flight"].wait()
    await asyncio.wait(asking, timeout=0.5)
    replicas.provider.gates["held-flight"].set()
    answers = [(await each).json() for each in asking]
    assert {each["response"] for each in answers} == {openai.SAID}
    assert len(replicas.provider.calls("held-flight")) == 1
    assert sorted(each["cache_status"] for each in answers) == ["hit"] * 29 + ["miss"]
    costs = (await replicas.clients[2].get("/v1/costs", headers={"X-Tenant-ID": fields["tenant_id"]})).json()
    (charged,) = (each["cost"]["total"] for each in answers if each["cache_status"] == "miss")
    assert Decimal(costs["total"]["cost_dollars"]) == Decimal(charged), costs


async def test_a_request_with_a_key_runs_once_whichever_replica_gets_it(replicas: Replicas) -> None:
    fields = {"query": "What of held-once?", "tenant_id": replicas.tenant()}
    headers = {"Idempotency-Key": "once"}
    asking = [asyncio.create_task(replicas.ask(number % 3, headers=headers, **fields)) for number in range(9)]
    await replicas.provider.asked["held-once"].wait()
    replicas.provider.gates["held-once"].set()
    outputs = [(await each).json() for each in asking]
    outputs += [(await replicas.ask(replica, headers=headers, **fields)).json() for replica in range(3)]
    assert len({each["run_id"] for each in outputs}) == 1, outputs
    assert len(replicas.provider.calls("held-once")) == 1
    for replica in range(3):
        other = await replicas.ask(replica, headers=headers, **fields | {"query": "Another question?"})
        assert other.status_code == 422


async def test_a_conversation_goes_on_at_any_replica(replicas: Replicas) -> None:
    tenant, session = replicas.tenant(), "session-1"
    for replica, said in enumerate(("My name is Zebedee.", "I live in Oz.", "What do you know of me?")):
        answer = await replicas.ask(
            replica, said, mode=4, tenant_id=tenant, session_id=session, enable_rag=False
        )
        assert answer.status_code == 200, answer.text
    (last,) = replicas.provider.calls("What do you know of me?")
    prompt = replicas.provider.prompt(last)
    assert prompt.index("Zebedee") < prompt.index("Oz") < prompt.index("What do you know")


async def test_a_background_run_is_followed_and_cancelled_at_any_replica(replicas: Replicas) -> None:
    tenant, background = replicas.tenant(), {"Prefer": "respond-async"}
    answered = await replicas.ask(0, "What goes on in the background?", tenant_id=tenant, headers=background)
    held = await replicas.ask(1, "What of held-background?", tenant_id=tenant, headers=background)
    assert (answered.status_code, held.status_code) == (202, 202), answered.text
    events = await replicas.all_events(2, answered.json()["run_id"])
    assert events[-1]["type"] == "run_finished"
    run_id = held.json()["run_id"]
    await asyncio.wait_for(replicas.provider.asked["held-background"].wait(), 30)
    assert (await replicas.clients[2].delete(f"/v1/runs/{run_id}")).status_code == 204
    for client in replicas.clients:
        assert (await client.get(f"/v1/runs/{run_id}")).json()["status"] == "cancelled"
