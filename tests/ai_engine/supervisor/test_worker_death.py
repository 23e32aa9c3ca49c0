"""A worker that dies: its runs end at once, what they cost is paid, and a client's retry is answered."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from itertools import count

import httpx
import pytest
from tests.ai_engine.harness import asked, sse
from tests.ai_engine.processes import running_server
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER, running_engine
from tests.llm.wires.servers import base, openai
from tests.store_database import stored

STREAM = {"Accept": "text/event-stream"}
KEYED_CLIENTS = 12
DIED = "The worker that ran it died."


def slow(query="What is there to say?", **fields):
    return asked(query, model="slow:model", enable_tools=False, enable_rag=False, **fields)


@asynccontextmanager
async def two_workers(tmp_path, *replies, **environment):
    async with base.serve(*replies) as upstream:
        (tmp_path / "vital.toml").write_text(SLOW_PROVIDER.format(url=upstream.url))
        async with running_engine(tmp_path, **environment) as engine:
            yield engine, upstream


async def connected(engine, stack_of, *workers):
    """A client for each worker that is named, whose one connection is to that worker."""
    clients = [None] * len(workers)
    while None in clients:
        client = await stack_of.enter_async_context(engine.client())
        answer = await client.get("/v1/agents")
        line = await engine.logged("request", request_id=answer.headers["x-request-id"])
        free = [n for n, worker in enumerate(workers) if worker == line["worker"] and clients[n] is None]
        if free:
            clients[free[0]] = client
    return clients


async def until(data_dir, statement, expected):
    """Read until the store has what is expected, for a while."""
    for _ in range(100):
        if (found := stored(data_dir, statement)) == expected:
            return
        await asyncio.sleep(0.1)
    assert found == expected


async def begun_run(client, **headers):
    """Begin a run as a stream, and return its id and the rest of the stream once some text has come."""
    response = await client.send(
        client.build_request("POST", "/v1/runs", json=slow(), headers=STREAM | headers), stream=True
    )
    events = sse(response)
    first = await anext(events)
    while (await anext(events))["type"] != "token":
        pass
    return first["run_id"], events


async def test_a_dead_workers_run_ends_at_once_for_the_store_the_readers_and_the_budget(tmp_path, aexit):
    never = asyncio.Event()
    replies = [openai.stream([*openai.TEXT[:3], never])]
    async with two_workers(tmp_path, *replies) as (engine, _):
        one, other, another = await connected(engine, aexit, 1, 2, 2)
        limits = await one.put("/v1/budgets/acme", json={"daily_dollars": 5})
        assert limits.status_code == 200, limits.text
        run_id, _ = await begun_run(one, **{"Idempotency-Key": "k"})
        assert stored(tmp_path, "SELECT count(*) FROM reservations") == [(1,)]

        async def followed():
            path = f"/v1/runs/{run_id}/events"
            async with other.stream("GET", path, headers=STREAM) as response:
                return [event async for event in sse(response)]

        async def joined():
            return await another.post("/v1/runs", json=slow(), headers={"Idempotency-Key": "k"})

        readers = [asyncio.create_task(followed()), asyncio.create_task(joined())]
        await asyncio.sleep(1)  # they read
        os.kill(engine.pid(1), signal.SIGKILL)
        events, answer = await asyncio.wait_for(asyncio.gather(*readers), 20)
        assert (events[-1]["type"], events[-1]["error_type"]) == ("run_failed", "lost")
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert (answer.status_code, answer.json()["detail"]) == (503, DIED)
        await until(
            tmp_path, "SELECT status, error_type, error_message FROM runs", [("failed", "lost", DIED)]
        )
        await until(tmp_path, "SELECT count(*) FROM reservations", [(0,)])
        await until(tmp_path, "SELECT name, status, estimated FROM ledger", [("slow:model", "cancelled", 1)])
        ((read, written, cost),) = stored(
            tmp_path, "SELECT input_tokens, output_tokens, cost_nanos FROM ledger"
        )
        assert (read > 0, written) == (True, 64)
        assert cost == read * 1000 + written * 2000
        assert stored(tmp_path, "SELECT DISTINCT cost_nanos FROM spending") == [(cost,)]
        await engine.logged("worker_ready", worker=1, times=2)
        assert await engine.total("vital_charges_flagged_total", flag="estimated") == 1
        assert await engine.total("vital_workflow_errors_total", error_type="lost") == 1
        never.set()


@pytest.mark.thorough
async def test_chat_clients_that_join_a_dead_workers_run_get_an_error_and_the_end(tmp_path, aexit):
    never = asyncio.Event()
    body = {"model": "mode-2/slow", "messages": [{"role": "user", "content": "Why?"}], "stream": True}
    headers = {"Idempotency-Key": "k", "X-Tenant-ID": "acme"}
    async with two_workers(tmp_path, openai.stream([*openai.TEXT[:3], never])) as (engine, upstream):
        one, other, admin = await connected(engine, aexit, 1, 2, 2)
        agent = {"name": "Slow", "system_prompt": "Wait.", "model": "slow:model", "tools": [], "sources": []}
        made = await admin.put("/v1/agents/slow", json=agent)
        assert made.status_code == 200, made.text

        async def chunks(client):
            async with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as response:
                return [line async for line in response.aiter_lines() if line.startswith("data: ")]

        first = asyncio.create_task(chunks(one))
        await asyncio.wait_for(upstream.asked.wait(), 20)
        second = asyncio.create_task(chunks(other))
        await asyncio.sleep(1)
        os.kill(engine.pid(1), signal.SIGKILL)
        lines = await asyncio.wait_for(second, 20)
        with pytest.raises(httpx.HTTPError):
            await first
        assert '"code":"lost"' in lines[-2]
        assert lines[-1] == "data: [DONE]"
        never.set()


@pytest.mark.thorough
async def test_each_clients_retry_with_its_key_is_answered_though_its_worker_died(tmp_path):
    gate, all_asked, numbers = asyncio.Event(), asyncio.Event(), count(1)

    def reply(_):
        if next(numbers) == KEYED_CLIENTS:
            all_asked.set()
        return openai.stream([*openai.TEXT[:3], gate, *openai.TEXT[3:]])

    async with two_workers(tmp_path, reply) as (engine, upstream):

        async def insist(number):
            for _ in range(50):
                async with engine.client() as client:
                    try:
                        headers = {"Idempotency-Key": f"k-{number}"}
                        answer = await client.post("/v1/runs", json=slow(f"Why {number}?"), headers=headers)
                    except httpx.TransportError:
                        continue
                if answer.status_code != 503:
                    return answer
            raise AssertionError("there was no answer")

        asking = [asyncio.create_task(insist(number)) for number in range(KEYED_CLIENTS)]
        async with asyncio.timeout(30):
            await all_asked.wait()
            os.kill(engine.pid(1), signal.SIGKILL)
            await engine.logged("worker ended", worker=1)
            gate.set()
            answers = await asyncio.gather(*asking)
        assert [answer.status_code for answer in answers] == [200] * KEYED_CLIENTS
        rows = await asyncio.to_thread(stored, tmp_path, "SELECT status, count(*) FROM runs GROUP BY status")
        counts = dict(rows)
        assert counts["completed"] == KEYED_CLIENTS
        calls = "SELECT count(*), count(DISTINCT run_id), sum(estimated) FROM ledger"
        lost = counts.get("failed", 0)
        assert len(upstream.requests) == KEYED_CLIENTS + lost
        await until(tmp_path, calls, [(KEYED_CLIENTS + lost, KEYED_CLIENTS + lost, lost)])


@pytest.mark.thorough
async def test_a_single_process_that_was_killed_ends_its_runs_at_its_next_start(tmp_path):
    never = asyncio.Event()
    async with base.serve(openai.stream([*openai.TEXT[:3], never])) as upstream:
        (tmp_path / "vital.toml").write_text(SLOW_PROVIDER.format(url=upstream.url))
        async with running_server(tmp_path) as (process, client):
            run_id, _ = await begun_run(client)
            process.kill()
            await process.wait()
        assert stored(tmp_path, "SELECT status FROM runs") == [("running",)]
        async with running_server(tmp_path) as (_, client):
            await until(tmp_path, "SELECT id, error_type FROM runs", [(run_id, "lost")])
            await until(tmp_path, "SELECT count(*), sum(estimated) FROM ledger", [(1, 1)])
            shown = (await client.get(f"/v1/runs/{run_id}")).json()
            assert shown["error"] == {"type": "lost", "message": DIED, "node": None}
        assert not list((tmp_path / "open-runs").glob("*"))
        never.set()
