"""A request that is sent again with its Idempotency-Key neither runs nor pays twice."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.ai_engine.harness import SUM, Serve, Service, SteppedModel, asked

HEADER = "Idempotency-Key"
STREAM = {"Accept": "text/event-stream"}
WORDS = "one two three"


async def runs_of(service: Service) -> int:
    async with service.services.database.connect() as connection:
        return (await connection.exec_driver_sql("SELECT count(*) FROM runs")).scalar_one()


async def keyed(service: Service, key: str = "k-1", **fields: Any) -> httpx.Response:
    return await service.ask(headers={HEADER: key}, **fields)


async def test_a_finished_run_is_answered_again_with_the_same_bytes(service: Service) -> None:
    first, again = await keyed(service), await keyed(service)
    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert await runs_of(service) == 1


async def test_a_finished_stream_is_replayed(service: Service) -> None:
    headers = {HEADER: "k-1"}
    first = await service.events(json=asked(), headers=headers)
    assert await service.events(json=asked(), headers=headers) == first
    whole = await keyed(service)
    assert whole.json() == first[-1]["output"]
    assert await runs_of(service) == 1


async def test_equal_requests_at_once_share_one_run(service: Service, model: SteppedModel) -> None:
    whole = [asyncio.create_task(keyed(service, model="stepped")) for _ in range(5)]
    streamed = [
        asyncio.create_task(service.events(json=asked(model="stepped"), headers={HEADER: "k-1"}))
        for _ in range(5)
    ]
    await model.asked.wait()
    model.finish()
    outputs = [response.json() for response in await asyncio.gather(*whole)]
    assert [output["response"].strip() for output in outputs] == [WORDS] * 5
    streams = await asyncio.gather(*streamed)
    assert {events[-1]["output"]["run_id"] for events in streams} == {outputs[0]["run_id"]}
    assert [events[0]["type"] for events in streams] == ["run_started"] * 5
    assert (model.written, await runs_of(service)) == (3, 1)


async def test_a_run_is_finished_for_a_client_that_has_gone_and_comes_back(
    serve: Serve, model: SteppedModel
) -> None:
    service = await serve([model], settings={"grace_seconds": 0.01})
    gone = asyncio.create_task(keyed(service, model="stepped"))
    await model.asked.wait()
    gone.cancel()
    await asyncio.wait([gone])
    await asyncio.sleep(2.5)  # more than two ticks, at which unread runs are cancelled
    model.finish()
    response = await keyed(service, model="stepped")
    assert response.json()["response"].strip() == WORDS
    assert await runs_of(service) == 1


async def test_another_request_with_the_same_key_is_refused(service: Service) -> None:
    await keyed(service)
    refused = await keyed(service, query="How much?")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == HEADER
    elsewhere = await service.client.post(
        "/v1/chat/completions",
        json={"model": "mode-2/generalist", "messages": [{"role": "user", "content": "How long?"}]},
        headers={HEADER: "k-1", "X-Tenant-ID": "acme"},
    )
    assert elsewhere.status_code == 400
    assert elsewhere.json()["error"]["param"] == HEADER


async def test_keys_are_their_tenants(service: Service) -> None:
    first, other = await keyed(service), await keyed(service, tenant_id="globex")
    assert first.json()["run_id"] != other.json()["run_id"]


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "käse".encode().decode("latin-1"), "a\tb"])
async def test_keys_that_cannot_be_are_refused(service: Service, key: str) -> None:
    response = await service.client.post(
        "/v1/runs", json=asked(), headers=[(HEADER.encode(), key.encode("latin-1"))]
    )
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, HEADER)


async def test_a_quoted_key_is_the_same_as_a_bare_one(service: Service) -> None:
    first, again = await keyed(service, '"k 1"'), await keyed(service, "k 1")
    assert first.json()["run_id"] == again.json()["run_id"]


async def test_a_run_that_was_cancelled_is_not_begun_again(service: Service, model: SteppedModel) -> None:
    waiting = asyncio.create_task(keyed(service, model="stepped"))
    await model.asked.wait()
    (run_id,) = service.engine.hub._runs
    assert (await service.client.delete(f"/v1/runs/{run_id}")).status_code == 204
    first, again = await waiting, await keyed(service, model="stepped")
    assert first.status_code == again.status_code == 409
    assert first.json() == again.json()


async def test_a_request_that_was_not_begun_may_be_sent_again(service: Service) -> None:
    refused = await keyed(service, agent_id="nobody")
    assert refused.status_code == 422
    assert (await keyed(service)).status_code == 200


async def test_a_paused_run_is_shown_again(service: Service) -> None:
    first, again = await keyed(service, query=SUM, mode=1), await keyed(service, query=SUM, mode=1)
    assert first.json()["status"] == again.json()["status"] == "awaiting_approval"
    assert first.json()["run_id"] == again.json()["run_id"]
    events = await service.events(json=asked(SUM, mode=1), headers={HEADER: "k-1"})
    assert events[-1]["type"] == "run_paused"


async def test_a_restarted_engine_gives_the_stored_answer(serve: Serve) -> None:
    before = await serve()
    first = await keyed(before)
    await before.stop()
    after = await serve()
    again = await keyed(after)
    assert (again.status_code, again.content) == (200, first.content)
    events = await after.events(json=asked(), headers={HEADER: "k-1"})
    assert "".join(e["text"] for e in events if e["type"] == "token") == first.json()["response"]
    assert events[-1]["output"] == first.json()


async def test_a_run_at_work_in_another_replica_is_not_begun_again(serve: Serve, model: SteppedModel) -> None:
    one, two = await serve([model]), await serve([model])
    first = asyncio.create_task(keyed(one, model="stepped"))
    await model.asked.wait()
    later = await keyed(two, model="stepped")
    assert (later.status_code, later.headers["retry-after"]) == (409, "1")
    model.finish()
    output = (await first).json()
    assert (await keyed(two, model="stepped")).json() == output
    assert await runs_of(two) == 1


async def test_a_chat_completion_is_answered_again(service: Service) -> None:
    body = {"model": "mode-2/generalist", "messages": [{"role": "user", "content": "2 + 2 = ?"}]}
    headers = {HEADER: "k-1", "X-Tenant-ID": "acme"}

    async def chat(**fields: Any) -> httpx.Response:
        return await service.client.post("/v1/chat/completions", json=body | fields, headers=headers)

    first, again = (await chat()).json(), (await chat()).json()
    assert (again["id"], again["choices"]) == (first["id"], first["choices"])
    streamed = await chat(stream=True)
    assert first["choices"][0]["message"]["content"][:4] in streamed.text
    assert streamed.text.rstrip().endswith("data: [DONE]")
    assert await runs_of(service) == 1
