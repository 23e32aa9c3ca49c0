"""A run survives its process: another worker, or the restarted engine, goes on with it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.ai_engine.processes import running_server
from tests.redis import running_redis
from tests.store_database import stored

WORKFLOW = Path(__file__).with_name("takeover_workflow.py")
QUESTION = {"query": "go", "mode": "2", "tenant_id": "acme", "user_id": "ann"}


def ran(folder: Path) -> list[str]:
    path = folder / "ran.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


async def until(condition: Any, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.02)


async def asked(client: httpx.AsyncClient, question: dict[str, Any], key: str = "k") -> None:
    """Ask, and lose the connection with the engine."""
    with pytest.raises(httpx.TransportError):
        await client.post("/v1/workflows/steps/runs", json=question, headers={"Idempotency-Key": key})


async def ended(client: httpx.AsyncClient, run_id: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            view = (await client.get(f"/v1/runs/{run_id}")).json()
            if view["status"] != "running":
                return view
            await asyncio.sleep(0.05)


def environment(folder: Path) -> dict[str, str]:
    return {
        "VITAL_WORKFLOW": f"steps={WORKFLOW}:Steps",
        "TAKEOVER_FOLDER": str(folder),
    }


def counted(metrics: str) -> list[str]:
    """Return the outcome of each request that an engine has counted."""
    lines = [line for line in metrics.splitlines() if line.startswith("vital_workflow_requests_total{")]
    outcomes = [(line.split('outcome="')[1].split('"')[0], float(line.split()[-1])) for line in lines]
    return [outcome for outcome, number in outcomes for _ in range(int(number))]


def nodes(folder: Path) -> list[str]:
    return [row[0] for row in stored(folder, "SELECT node FROM run_nodes ORDER BY node")]


@pytest.mark.thorough
async def test_a_restarted_engine_goes_on_with_the_runs_of_the_one_that_was_killed(tmp_path: Path):
    async with running_server(tmp_path, **environment(tmp_path)) as (process, client):
        asking = asyncio.create_task(asked(client, QUESTION))
        await until(lambda: "second go" in ran(tmp_path) and nodes(tmp_path) == ["first"])
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        await asking
    assert stored(tmp_path, "SELECT status, epoch FROM runs") == [("running", 0)]
    (run_id,) = [row[0] for row in stored(tmp_path, "SELECT id FROM runs")]
    async with running_server(tmp_path, **environment(tmp_path)) as (_, client):
        await until(lambda: ran(tmp_path).count("second go") == 2)
        (tmp_path / "go").touch()
        view = await ended(client, run_id)
        again = await client.post("/v1/workflows/steps/runs", json=QUESTION, headers={"Idempotency-Key": "k"})
        metrics = (await client.get("/metrics")).text
    assert view["status"] == "completed"
    assert view["output"]["response"] == "first of go; second of FIRST OF GO"
    assert again.json() == view["output"]
    assert ran(tmp_path) == ["first go", "quick", "second go", "quick", "second go", "answer"]
    assert stored(tmp_path, "SELECT status, epoch, takeovers FROM runs") == [("completed", 1, 1)]
    assert nodes(tmp_path) == []
    assert counted(metrics) == ["success"]


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[str]:
    async with running_redis(tmp_path) as server:
        yield server.url


def replica(folder: Path, redis: str) -> dict[str, str]:
    return environment(folder) | {"VITAL_REDIS_URL": redis, "VITAL_LEASE_SECONDS": "2"}


async def test_another_replica_goes_on_with_the_run_of_one_that_was_killed(tmp_path: Path, redis: str):
    async with running_server(tmp_path, **replica(tmp_path, redis)) as (_, survivor):
        async with running_server(tmp_path, **replica(tmp_path, redis)) as (process, client):
            asking = asyncio.create_task(asked(client, QUESTION))
            await until(lambda: "second go" in ran(tmp_path) and nodes(tmp_path) == ["first"])
            (run_id,) = [row[0] for row in stored(tmp_path, "SELECT id FROM runs")]
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
            await asking
            await until(lambda: ran(tmp_path).count("second go") == 2)
            (tmp_path / "go").touch()
            view = await ended(survivor, run_id)
        metrics = (await survivor.get("/metrics")).text
    assert view["status"] == "completed"
    assert ran(tmp_path) == ["first go", "quick", "second go", "quick", "second go", "answer"]
    assert counted(metrics) == ["success"]


@pytest.mark.thorough
async def test_a_replica_that_is_stopped_hands_its_runs_over_at_once(tmp_path: Path, redis: str):
    slow = replica(tmp_path, redis) | {"VITAL_LEASE_SECONDS": "60"}
    async with (
        running_server(tmp_path, **slow) as (_, survivor),
        running_server(tmp_path, **slow) as (process, client),
    ):
        asking = asyncio.create_task(
            client.post("/v1/workflows/steps/runs", json=QUESTION, headers={"Idempotency-Key": "k"})
        )
        await until(lambda: "second go" in ran(tmp_path))
        (run_id,) = [row[0] for row in stored(tmp_path, "SELECT id FROM runs")]
        process.terminate()
        gone = await asking
        await process.wait()
        await until(lambda: ran(tmp_path).count("second go") == 2)
        (tmp_path / "go").touch()
        view = await ended(survivor, run_id)
    assert gone.status_code == 503
    assert view["status"] == "completed"
    assert ran(tmp_path).count("first go") == 1
    assert stored(tmp_path, "SELECT status, epoch, takeovers FROM runs") == [("completed", 1, 0)]


@pytest.mark.thorough
async def test_a_replica_that_was_frozen_past_its_lease_changes_nothing_when_it_wakes(
    tmp_path: Path, redis: str
):
    async with running_server(tmp_path, **replica(tmp_path, redis)) as (_, survivor):
        async with running_server(tmp_path, **replica(tmp_path, redis)) as (process, client):
            asking = asyncio.create_task(
                client.post("/v1/workflows/steps/runs", json=QUESTION, headers={"Idempotency-Key": "k"})
            )
            await until(lambda: "second go" in ran(tmp_path) and nodes(tmp_path) == ["first"])
            (run_id,) = [row[0] for row in stored(tmp_path, "SELECT id FROM runs")]
            os.kill(process.pid, signal.SIGSTOP)
            await until(lambda: ran(tmp_path).count("second go") == 2)
            (tmp_path / "go").touch()
            view = await ended(survivor, run_id)
            before = stored(tmp_path, "SELECT * FROM runs")
            os.kill(process.pid, signal.SIGCONT)
            answer = await asking
            stale = (await client.get("/metrics")).text
            seen = (await client.get(f"/v1/runs/{run_id}")).json()
        metrics = (await survivor.get("/metrics")).text
    assert view["status"] == seen["status"] == "completed"
    assert stored(tmp_path, "SELECT * FROM runs") == before
    assert (counted(metrics), counted(stale)) == (["success"], [])
    assert answer.status_code in (200, 503)


@pytest.mark.thorough
async def test_another_worker_of_the_same_engine_goes_on_at_once(tmp_path: Path):
    workers = environment(tmp_path) | {"VITAL_WORKERS": "2", "VITAL_LEASE_SECONDS": "60"}
    async with running_server(tmp_path, **workers) as (_, client):
        asking = asyncio.create_task(asked(client, QUESTION))
        await until(lambda: (tmp_path / "worker.pid").exists() and nodes(tmp_path) == ["first"])
        os.kill(int((tmp_path / "worker.pid").read_text()), signal.SIGKILL)
        await asking
        await until(lambda: ran(tmp_path).count("second go") == 2)
        (tmp_path / "go").touch()
        again = await client.post("/v1/workflows/steps/runs", json=QUESTION, headers={"Idempotency-Key": "k"})
    assert again.json()["response"] == "first of go; second of FIRST OF GO"
    assert stored(tmp_path, "SELECT status, epoch, takeovers FROM runs") == [("completed", 1, 1)]


@pytest.mark.thorough
async def test_a_request_that_follows_an_identical_run_is_answered_when_its_worker_dies(
    tmp_path: Path, redis: str
):
    shared = replica(tmp_path, redis) | {"VITAL_CACHE_ENTRIES": "10"}
    path = "/v1/workflows/steps/runs"
    async with running_server(tmp_path, **shared) as (_, survivor):
        async with running_server(tmp_path, **shared) as (process, client):
            leading = asyncio.create_task(client.post(path, json=QUESTION))
            await until(lambda: "second go" in ran(tmp_path))
            following = asyncio.create_task(survivor.post(path, json=QUESTION))
            await until(lambda: nodes(tmp_path) == ["first"])
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
            await asyncio.wait([leading])
            assert leading.exception() is not None
            await until(lambda: ran(tmp_path).count("second go") >= 2)
            (tmp_path / "go").touch()
            answer = await following
        await until(lambda: not stored(tmp_path, "SELECT id FROM runs WHERE status = 'running'"))
    assert answer.status_code == 200
    assert answer.json()["response"] == "first of go; second of FIRST OF GO"
    assert {row[0] for row in stored(tmp_path, "SELECT status FROM runs")} == {"completed"}
