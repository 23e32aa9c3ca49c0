"""A durable run whose engine dies while it waits for a decision: its readers miss nothing, and read nothing twice."""

from __future__ import annotations

import os
import signal
from asyncio.subprocess import Process
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from redis.asyncio import Redis
from tests.ai_engine.harness import sse
from tests.ai_engine.processes import running_server
from tests.redis import running_redis

from vital_shared.events.encoding import last_seq
from vital_shared.events.redis_link import EventKeys

WORKFLOW = Path(__file__).with_name("deciding_workflow.py")
QUESTION = {"query": "bees", "mode": "2", "tenant_id": "acme", "user_id": "ann"}
STREAM = {"Accept": "text/event-stream"}

Events = list[dict[str, Any]]


def environment(**more: str) -> dict[str, str]:
    return {"VITAL_WORKFLOW": f"deciding={WORKFLOW}:Deciding", "VITAL_LEASE_SECONDS": "2"} | more


async def streamed(
    client: httpx.AsyncClient, method: Literal["GET", "POST"], path: str, **more: Any
) -> Events:
    more["headers"] = STREAM | more.get("headers", {})
    async with client.stream(method, path, **more) as response:
        assert response.status_code == 200, await response.aread()
        return [event async for event in sse(response)]


async def followed(client: httpx.AsyncClient, run_id: str, after: int) -> Events:
    return await streamed(client, "GET", f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": str(after)})


async def begun(process: Process, client: httpx.AsyncClient) -> Events:
    """Return the events of a run up to its pause, after which its engine is dead."""
    events = await streamed(client, "POST", "/v1/workflows/deciding/runs", json=QUESTION)
    assert events[-1]["type"] == "run_paused"
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    return events


async def resumed(client: httpx.AsyncClient, run_id: str) -> Events:
    return await streamed(client, "POST", f"/v1/runs/{run_id}/resume", json={"answers": {"verdict": True}})


def forget_pause(folder: Path) -> None:
    """Let the engine have died before it wrote the pause as an event."""
    (path,) = (folder / "events").glob("*.events")
    data = path.read_bytes()
    assert b"event: run_paused" in data
    os.truncate(path, data.rindex(b"id: "))


async def forget_pause_in(url: str, run_id: str) -> None:
    """Let the engine have died before it wrote the pause into Redis."""
    redis = Redis.from_url(url)
    name = EventKeys.stream(run_id)
    entries = await redis.xrange(name)
    frames = b"".join(fields.get(b"frames", b"") for _, fields in entries)
    left = frames[: frames.rindex(b"id: ")]
    await redis.delete(name)
    await redis.xadd(name, {"frames": left}, id=f"{last_seq(left)}-0")
    await redis.hset(EventKeys.run(run_id), mapping={"state": "live", "last": last_seq(left)})
    await redis.aclose()


def numbers(events: Events) -> list[int]:
    return [event["seq"] for event in events]


@pytest.mark.thorough
@pytest.mark.parametrize("is_written", [True, False])
async def test_a_late_reader_gets_what_came_before_the_pause(tmp_path: Path, is_written: bool):
    async with running_server(tmp_path, **environment(VITAL_REDIS_URL="")) as (process, client):
        before = await begun(process, client)
    if not is_written:
        forget_pause(tmp_path)
    run_id, pause = before[0]["run_id"], before[-1]["seq"]
    async with running_server(tmp_path, **environment(VITAL_REDIS_URL="")) as (process, client):
        assert await followed(client, run_id, 2) == before[2:]
        rest = await resumed(client, run_id)
        assert numbers(rest) == list(range(pause + 1, pause + 1 + len(rest)))
        assert rest[-1]["output"]["response"] == "draft of bees: True"
        assert await followed(client, run_id, 2) == [*before[2:], *rest]
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with running_server(tmp_path, **environment(VITAL_REDIS_URL="")) as (_, client):
        assert await followed(client, run_id, 2) == [*before[2:], *rest], "its end is stored"


@pytest.mark.thorough
async def test_a_late_reader_of_a_resumed_run_gets_the_pause_at_another_replica(tmp_path: Path):
    async with running_redis(tmp_path) as redis:
        shared = environment(VITAL_REDIS_URL=redis.url)
        async with running_server(tmp_path, **shared) as (_, survivor):
            async with running_server(tmp_path, **shared) as (process, client):
                before = await begun(process, client)
            run_id = before[0]["run_id"]
            await forget_pause_in(redis.url, run_id)
            rest = await resumed(survivor, run_id)
            assert numbers(before + rest) == list(range(1, len(before + rest) + 1))
            assert await followed(survivor, run_id, 2) == [*before[2:], *rest]
