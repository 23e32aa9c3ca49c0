"""A Postgres that restarts, or stands still, in the middle of requests: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from tests.ai_engine.harness import Serve, Service, asked
from tests.postgres_server import PostgresServer, running_postgres
from tests.postgres_standby import address_of_all, end_sessions, promote, restart, set_read_only
from tests.store.freezing import frozen_postgres
from tests.variants import sampled

from vital_shared.models.workflow_names import BUILT_IN
from vital_shared.store.account_tables import ledger, reservations
from vital_shared.store.tables import runs
from vital_shared.testing import CannedModel
from vital_shared.workflows.base_workflow import BaseWorkflow

REQUESTS = 30
STALL_SECONDS = 3.0
ENDS = 10

Outage = Callable[[PostgresServer], Awaitable[None]]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as found:
        yield found


@pytest.fixture
def address(server: PostgresServer) -> str:
    name = f"outage_{uuid4().hex}"
    server.psql(f"CREATE DATABASE {name};")
    return address_of_all(name, server)


@asynccontextmanager
async def asking(service: Service, answers: list[tuple[int, bool]]) -> AsyncIterator[None]:
    """Ask all the time while something happens, as a whole and as a stream."""

    async def ask(number: int) -> None:
        await asyncio.sleep(number * STALL_SECONDS / REQUESTS)
        headers = {"Accept": "text/event-stream"} if number % 2 else {}
        body = asked(f"How long is {number}?", model="paid")
        response = await service.client.post("/v1/runs", json=body, headers=headers)
        answered = response.status_code == 200 and ("run_finished" in response.text or not headers)
        answers.append((response.status_code, answered))

    async with asyncio.TaskGroup() as tasks:
        for number in range(REQUESTS):
            tasks.create_task(ask(number))
        await asyncio.sleep(STALL_SECONDS / 3)
        yield


async def calls_in_ledger(service: Service) -> Counter[str]:
    """Count the rows of each run, once all that waits is written."""
    async with asyncio.timeout(60):
        while service.services.runs.charge_writer._kept:  # noqa: ASYNC110 - nothing is signalled
            await asyncio.sleep(0.05)
    async with service.services.database.connect() as connection:
        own = select(ledger.c.run_id).where(ledger.c.cost_type == "llm")
        return Counter((await connection.scalars(own)).all())


async def served(serve: Serve, model: CannedModel, address: str, **settings: Any) -> Service:
    return await serve([model], database_url=address, **settings)


@pytest.mark.thorough
@pytest.mark.parametrize("outage", ["restart", "stall"])
async def test_what_was_answered_is_in_the_ledger_once(
    serve: Serve, server: PostgresServer, address: str, outage: str, tmp_path: Path
) -> None:
    model = CannedModel("It takes 42 days [1].", name="paid")
    service = await served(serve, model, address)
    answers: list[tuple[int, bool]] = []
    async with asking(service, answers):
        if outage == "restart":
            await asyncio.to_thread(restart, server)
        else:
            with frozen_postgres(server.pgdata):
                await asyncio.sleep(STALL_SECONDS)
                assert (await service.client.get("/healthz")).status_code == 200
    found = Counter(answers)
    assert set(found) <= {(200, True), (503, False)}, found
    assert found[200, True] > (REQUESTS - 1 if outage == "stall" else REQUESTS / 2), found
    rows = await calls_in_ledger(service)
    assert set(rows.values()) == {1}
    assert len(rows) == len(model.requests) >= found[200, True]
    assert (await service.ask(model="paid")).status_code == 200


async def sessions_end(server: PostgresServer) -> None:
    """End each session, again and again."""
    for _ in range(ENDS):
        await asyncio.to_thread(end_sessions, server)
        await asyncio.sleep(STALL_SECONDS / ENDS)


async def takes_no_writes(server: PostgresServer) -> None:
    await asyncio.to_thread(set_read_only, server, is_read_only=True)
    await asyncio.sleep(STALL_SECONDS)
    await asyncio.to_thread(set_read_only, server, is_read_only=False)


async def is_in_recovery(server: PostgresServer) -> None:
    await asyncio.to_thread(restart, server, as_standby=True)
    await asyncio.sleep(STALL_SECONDS)
    await asyncio.to_thread(promote, server)


class DurableAnswer(BaseWorkflow):
    """Its calls are stored before they are made."""

    durable = "nodes"


@pytest.mark.parametrize("workflow", sampled([DurableAnswer, BaseWorkflow], 2))
@pytest.mark.parametrize("outage", [sessions_end, takes_no_writes, is_in_recovery])
async def test_runs_under_way_are_answered_and_paid_for_whatever_the_server_refuses(
    serve: Serve, server: PostgresServer, address: str, outage: Outage, workflow: type[BaseWorkflow]
) -> None:
    gate = asyncio.Event()
    model = CannedModel("It takes 42 days [1].", name="paid", gate=gate)
    service = await served(serve, model, address, workflows={BUILT_IN: workflow})
    async with asyncio.TaskGroup() as tasks:
        asking = [
            tasks.create_task(
                service.client.post("/v1/runs", json=asked(f"How long is {number}?", model="paid"))
            )
            for number in range(REQUESTS)
        ]
        async with asyncio.timeout(60):
            while len(model.requests) < REQUESTS:  # noqa: ASYNC110 - only the first one is signalled
                await asyncio.sleep(0.05)
        going = tasks.create_task(outage(server))
        await asyncio.sleep(STALL_SECONDS / 3)
        gate.set()
        await going
    assert Counter(task.result().status_code for task in asking) == {200: REQUESTS}
    rows = await calls_in_ledger(service)
    assert (len(rows), set(rows.values())) == (REQUESTS, {1})
    async with service.services.database.connect() as connection:
        assert (await connection.scalars(select(runs.c.status).distinct())).all() == ["completed"]
        assert (await connection.execute(select(reservations))).all() == []


@pytest.mark.thorough
async def test_reads_are_refused_within_their_time_and_answered_again_afterwards(
    serve: Serve, server: PostgresServer, address: str
) -> None:
    service = await served(serve, CannedModel(name="paid"), address, store_seconds=1)
    run_id = (await service.ask(model="paid")).json()["run_id"]
    paths = [f"/v1/runs/{run_id}", "/v1/agents", "/v1/workflows"] * 10
    headers = {"X-Tenant-ID": "acme"}
    await asyncio.gather(*(service.client.get(path, headers=headers) for path in paths))
    async with asyncio.timeout(20):
        with frozen_postgres(server.pgdata):
            refused = await asyncio.gather(*(service.client.get(path, headers=headers) for path in paths))
        assert {each.status_code for each in refused} <= {200, 503}
        late = [each.json()["detail"] for each in refused if each.status_code == 503]
        assert late, "a stored run is not in memory"
        assert all("did not answer in time" in each for each in late), late
    again = await asyncio.gather(*(service.client.get(path, headers=headers) for path in paths))
    assert {each.status_code for each in again} == {200}
    assert service.services.database.connections[1] == 0
