"""Runs are followed, resumed and cancelled at any worker, whichever has them."""

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from tests.ai_engine.harness import SUM, asked
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER, running_engine
from tests.llm.wires.servers import base, openai

STREAM = {"Accept": "text/event-stream"}


@asynccontextmanager
async def running(tmp_path, *replies, **environment):
    """An engine of two workers with a slow model, and a client of each."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(base.serve(*replies))
        (tmp_path / "vital.toml").write_text(SLOW_PROVIDER.format(url=upstream.url))
        engine = await stack.enter_async_context(running_engine(tmp_path, **environment))
        clients = {}
        while len(clients) < 2:
            client = await stack.enter_async_context(engine.client())
            answer = await client.get("/v1/agents")
            line = await engine.logged("request", request_id=answer.headers["x-request-id"])
            clients.setdefault(line["worker"], client)
        yield engine, upstream, clients[1], clients[2]


def slow(query="What is there to say?", **fields):
    return asked(query, model="slow:model", enable_tools=False, enable_rag=False, **fields)


class Stream:
    """The events of a stream, one after the other."""

    def __init__(self, response):
        self._bytes = response.aiter_bytes()
        self._rest = b""

    async def event(self):
        while b"\n\n" not in self._rest:
            self._rest += await anext(self._bytes)
        frame, self._rest = self._rest.split(b"\n\n", 1)
        lines = [line for line in frame.split(b"\n") if line.startswith((b"id: ", b"data: "))]
        return json.loads(lines[1].removeprefix(b"data: "))

    async def all(self):
        events = []
        try:
            while True:
                events.append(await self.event())
        except StopAsyncIteration:
            assert not self._rest.strip(), self._rest
            return events


@asynccontextmanager
async def begun(client, body):
    async with client.stream("POST", "/v1/runs", json=body, headers=STREAM) as response:
        assert response.status_code == 200
        yield Stream(response)


@asynccontextmanager
async def resumed(client, run_id, last):
    headers = STREAM | {"Last-Event-ID": str(last)}
    async with client.stream("GET", f"/v1/runs/{run_id}/events", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Stream(response)


async def all_after(client, run_id, last):
    async with resumed(client, run_id, last) as stream:
        return await stream.all()


async def has_all(client, run_id, total):
    """A run that has ended can be followed from each of its events, and after its last there is nothing."""
    for last in range(total):
        assert numbers(await all_after(client, run_id, last)) == list(range(last + 1, total + 1))
    nothing = await client.get(f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": str(total)})
    assert nothing.status_code == 204


def numbers(events):
    return [event["seq"] for event in events]


@pytest.mark.thorough
async def test_a_stream_that_was_lost_at_any_event_goes_on_at_the_other_worker(tmp_path):
    gates = []

    def reply(_):
        return openai.stream([*openai.TEXT[:3], gates[-1], *openai.TEXT[3:]])

    async with running(tmp_path, reply) as (_, _, one, other):
        lost, total, before_gate = 0, None, 0
        while total is None or lost < total:
            here, there = (one, other) if lost % 2 else (other, one)
            gates.append(asyncio.Event())
            if before_gate and lost >= before_gate:  # what comes later is not written yet
                gates[-1].set()
            async with begun(here, slow()) as stream:
                events = [await stream.event()]
                while len(events) < lost and events[-1]["type"] != "run_finished":
                    events.append(await stream.event())
            run_id = events[0]["run_id"]
            if events[-1]["type"] == "run_finished":  # sooner: pieces that came together have become one
                total = len(events)
                break
            events = events[:lost]
            async with resumed(there, run_id, lost) as stream:
                while not gates[-1].is_set():
                    events.append(await stream.event())
                    if events[-1]["type"] == "token":
                        before_gate = before_gate or events[-1]["seq"]
                        gates[-1].set()
                events += await stream.all()
            assert events[-1]["type"] == "run_finished"
            total = len(events)
            assert numbers(events) == list(range(1, total + 1))
            assert "".join(each["text"] for each in events if each["type"] == "token") == openai.SAID
            lost += 1
        assert total > 7  # a run without sources and tools has few nodes, and its text may come in one piece

        for client in (one, other):
            await has_all(client, run_id, total)


@pytest.mark.thorough
async def test_a_run_that_was_approved_at_another_worker_is_followed_over_both(tmp_path):
    async with running(tmp_path, openai.stream(openai.TEXT)) as (_, _, one, other):
        body = asked(SUM, mode=1, model=None, enable_rag=False)
        async with begun(one, body) as stream:
            first = await stream.all()
        assert first[-1]["type"] == "run_paused"
        run_id = first[0]["run_id"]
        assert numbers(await all_after(other, run_id, 2)) == numbers(first)[2:]
        approved = await other.post(f"/v1/runs/{run_id}/approval", json={"approved": "all"})
        assert approved.status_code == 200, approved.text
        for client in (one, other):
            for last in (0, 3, len(first), len(first) + 2):
                events = await all_after(client, run_id, last)
                assert events[-1]["type"] == "run_finished"
                assert numbers(events) == list(range(last + 1, events[-1]["seq"] + 1))


@pytest.mark.thorough
async def test_any_worker_cancels(tmp_path):
    never = openai.stream([*openai.TEXT[:3], asyncio.Event()])
    async with running(tmp_path, never) as (engine, upstream, one, other):
        async with begun(one, slow()) as stream:
            run_id = (await stream.event())["run_id"]
            await upstream.asked.wait()
            cancelled = await other.delete(f"/v1/runs/{run_id}")
            assert cancelled.status_code == 204, cancelled.text
            assert (await stream.all())[-1]["error_type"] == "cancelled"
        again = await other.delete(f"/v1/runs/{run_id}")
        assert again.status_code == 409
        await engine.logged("request", method="DELETE", status=409)


@pytest.mark.thorough
async def test_who_reads_at_another_worker_keeps_the_run_alive_until_he_leaves(tmp_path):
    chosen = {"VITAL_GRACE_SECONDS": "1", "VITAL_HEARTBEAT_SECONDS": "0.5"}
    never = openai.stream([*openai.TEXT[:3], asyncio.Event()])
    async with running(tmp_path, never, **chosen) as (engine, upstream, one, other):
        async with begun(one, slow()) as stream:
            run_id = (await stream.event())["run_id"]
            async with resumed(other, run_id, 0) as following:
                await following.event()
                await upstream.asked.wait()
                silent = following._bytes
                while following._rest.count(b": heartbeat") < 5:  # both read nothing but these
                    following._rest += await anext(silent)
                assert (await other.get(f"/v1/runs/{run_id}")).json()["status"] == "running"
                await stream.event()
        await engine.logged("run_cancelled", run_id=run_id, reason="client_gone")


@pytest.mark.parametrize("method", ["GET", pytest.param("DELETE", marks=pytest.mark.thorough)])
async def test_no_tenant_reaches_anothers_run_at_another_worker(tmp_path, method):
    never = openai.stream([*openai.TEXT[:3], asyncio.Event()])
    async with running(tmp_path, never) as (_, upstream, one, other), begun(one, slow()) as stream:
        run_id = (await stream.event())["run_id"]
        await upstream.asked.wait()
        path = f"/v1/runs/{run_id}" + ("/events" if method == "GET" else "")
        answer = await other.request(method, path, headers={"X-Tenant-ID": "globex"})
        assert answer.status_code == 404
        assert (await one.get(f"/v1/runs/{run_id}")).json()["status"] == "running"


@pytest.mark.thorough
async def test_equal_requests_at_both_workers_begin_one_run_and_are_charged_once(tmp_path):
    gate = asyncio.Event()
    reply = openai.stream([*openai.TEXT[:3], gate, *openai.TEXT[3:]])
    async with running(tmp_path, reply) as (_, upstream, one, other):
        headers = {"Idempotency-Key": "once"}
        whole = [
            asyncio.create_task(client.post("/v1/runs", json=slow(), headers=headers))
            for client in (one, other)
            for _ in range(5)
        ]
        await upstream.asked.wait()
        streamed = asyncio.create_task(other.post("/v1/runs", json=slow(), headers=headers | STREAM))
        await asyncio.wait([streamed], timeout=0.5)
        gate.set()
        outputs = [response.json() for response in await asyncio.gather(*whole)]
        assert len({output["run_id"] for output in outputs}) == 1, outputs
        assert all(output == outputs[0] for output in outputs)
        assert outputs[0]["run_id"] in (await streamed).text
        assert "run_finished" in streamed.result().text
        costs = (await one.get("/v1/costs", params={"tenant_id": "acme"})).json()
    assert len(upstream.requests) == 1, costs
