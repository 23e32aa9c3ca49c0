"""A queued or running background run survives the death of its engine; real processes, SQLite and Postgres."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from tests.ai_engine.harness import asked
from tests.ai_engine.processes import running_server
from tests.chaos.provider import MODEL, running_provider
from tests.postgres_server import running_postgres, source_database

pytestmark = pytest.mark.long

ASYNC = {"Prefer": "respond-async"}
RUNS = 6


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    common = {"VITAL_BACKGROUND_RUNS_PER_TENANT": "2", "VITAL_LEASE_SECONDS": "2"}
    if request.param == "sqlite":
        yield common
        return
    with running_postgres() as server:
        yield common | {"VITAL_DATABASE_URL": source_database(server)}


async def begin(client: httpx.AsyncClient, number: int) -> str:
    body = asked(f"chaos-{number}", model=MODEL, enable_rag=False, enable_tools=False)
    response = await client.post("/v1/runs", json=body, headers=ASYNC)
    assert response.status_code == 202, response.text
    return str(response.json()["run_id"])


async def statuses(client: httpx.AsyncClient, run_ids: list[str]) -> list[str]:
    answers = [await client.get(f"/v1/runs/{run_id}") for run_id in run_ids]
    return [answer.json()["status"] for answer in answers]


async def until(client: httpx.AsyncClient, run_ids: list[str], *wanted: str) -> list[str]:
    async with asyncio.timeout(60):
        while True:
            found = await statuses(client, run_ids)
            if set(found) <= set(wanted):
                return found
            await asyncio.sleep(0.1)


async def until_asked(provider, calls: int) -> None:
    async with asyncio.timeout(30):
        while True:
            if len(provider.log.calls) >= calls:
                return
            await asyncio.sleep(0.02)


async def test_a_killed_engines_runs_end_at_a_survivor(tmp_path: Path, environment: dict[str, str]):
    """Two run, four wait, and the engine that has them all is killed."""
    async with running_provider(seconds=1.0) as provider, AsyncExitStack() as stack:
        (tmp_path / "vital.toml").write_text(provider.configuration)
        first, client = await stack.enter_async_context(running_server(tmp_path, **environment))
        run_ids = [await begin(client, number) for number in range(RUNS)]
        await until_asked(provider, 2)
        _, survivor = await stack.enter_async_context(running_server(tmp_path, **environment))
        os.kill(first.pid, signal.SIGKILL)
        await first.wait()
        assert await until(survivor, run_ids, "completed") == ["completed"] * RUNS
        runs = {run_id: (await survivor.get(f"/v1/runs/{run_id}")).json() for run_id in run_ids}
        assert len({run["output"]["response"] for run in runs.values()}) == RUNS
    assert RUNS <= len(provider.log.calls) <= RUNS + 2  # what ran was begun anew, and what waited once


async def test_a_stopped_engine_gives_its_runs_back_to_the_queue(tmp_path: Path):
    async with running_provider(seconds=1.0) as provider:
        (tmp_path / "vital.toml").write_text(provider.configuration)
        async with running_server(tmp_path) as (_, client):
            run_id = await begin(client, 1)
            await until_asked(provider, 1)
        async with running_server(tmp_path) as (_, client):
            assert await until(client, [run_id], "completed") == ["completed"]
            run = (await client.get(f"/v1/runs/{run_id}")).json()
            assert run["output"]["response"].startswith("Call 2 has answered chaos-1.")
