"""A resumption that is sent again, to a replica that does not know yet what came after the pause."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from tests.ai_engine.processes import running_server
from tests.redis import running_redis

from vital_shared.events.redis_link import EventKeys

WORKFLOW = Path(__file__).with_name("deciding_workflow.py")
QUESTION = {"query": "bees", "mode": "2", "tenant_id": "acme", "user_id": "ann"}
KEY = {"Idempotency-Key": "again"}


async def resume(client: httpx.AsyncClient, run_id: str, **headers: str) -> httpx.Response:
    return await client.post(
        f"/v1/runs/{run_id}/resume", json={"answers": {"verdict": True}}, headers=KEY | headers, timeout=60
    )


async def forget_what_came_after(redis: Redis, run_id: str, pause: int) -> None:
    """Let Redis have the events that it had when the run paused, once the worker has written others."""
    stream, later = EventKeys.stream(run_id), list[Any]()
    async with asyncio.timeout(20):
        while not any(b'"node":"answer"' in fields.get(b"frames", b"") for _, fields in later):
            later = await redis.xrange(stream, f"{pause + 1}-0", "+")
    for number, _ in later:
        await redis.xdel(stream, number)


@pytest.mark.thorough
async def test_it_is_answered_with_the_answer_and_not_with_the_pause(tmp_path: Path):
    async with running_redis(tmp_path) as server, Redis.from_url(server.url) as redis:
        chosen: dict[str, Any] = {
            "VITAL_WORKFLOW": f"gated={WORKFLOW}:Gated",
            "VITAL_REDIS_URL": server.url,
            "GATE": str(tmp_path / "go"),
        }
        async with (
            running_server(tmp_path, **chosen) as (_, worker),
            running_server(tmp_path, **chosen) as (_, other),
        ):
            asked = (await worker.post("/v1/workflows/gated/runs", json=QUESTION)).json()
            assert asked["status"] == "awaiting_approval"
            pause = int((await redis.hget(EventKeys.run(asked["run_id"]), "last")).decode())
            first = asyncio.create_task(resume(worker, asked["run_id"]))
            await forget_what_came_after(redis, asked["run_id"], pause)
            again = asyncio.create_task(resume(other, asked["run_id"]))
            done, _ = await asyncio.wait([again], timeout=3)
            assert not done, again.result().text
            (tmp_path / "go").touch()
            answers = [(await each).json() for each in (first, again)]
    assert [(each["status"], each["response"]) for each in answers] == [
        ("completed", "draft of bees: True")
    ] * 2
