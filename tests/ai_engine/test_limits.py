"""Requests beyond a tenant's limits: refused before they cost anything, over HTTP."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.ai_engine.harness import SUM, Serve, Service, asked
from tests.ai_engine.processes import running_server
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import serve as provider
from tests.store_database import store_url

from vital_shared import BaseWorkflow
from vital_shared.errors import BudgetExceeded, RateLimited
from vital_shared.models.limits import TenantLimits
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.monitoring.metrics import REQUESTS_REJECTED_TOTAL, TENANT, WORKFLOW_REQUESTS_TOTAL
from vital_shared.store.database import Database
from vital_shared.store.limits import LimitStore
from vital_shared.testing import CannedModel
from vital_shared.workflows.estimate import max_cost
from vital_shared.workflows.services import Services

START = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)
CONFIGURATION = """
[models.dear]
max_output_tokens = 1000
price = { input = "1", output = "1000" }

[models.terse]
max_output_tokens = 2
price = { input = "1", output = "1000" }
"""
PLAIN = {"model": "dear", "enable_rag": False, "enable_tools": False}
"""A question that costs what the dear model takes for a prompt and an answer, and nothing else."""


class Clock:
    """The time as a test says."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate() -> asyncio.Event:
    """Nobody answers before it is set."""
    return asyncio.Event()


@pytest.fixture
async def start(serve: Serve, tmp_path, clock: Clock, gate: asyncio.Event) -> Callable:
    """Start services on one store, with a model that costs money."""
    (tmp_path / "vital.toml").write_text(CONFIGURATION)

    async def started(**parts) -> Service:
        models = [CannedModel("Dear words.", name=name, gate=gate) for name in ("dear", "terse")]
        return await serve(models, now=clock, **parts)

    return started


@pytest.fixture
async def service(start: Callable) -> Service:
    return await start()


async def max_run_cost(services: Services, **fields: object) -> Decimal:
    agent = await services.agents.get("generalist", tenant_id="acme")
    return max_cost(services, WorkflowInput(**asked(**PLAIN | fields)), agent).dollars


async def limit(service: Service, **limits: object) -> None:
    chosen = TenantLimits(**limits)
    await service.services.limits.set("acme", chosen, now=service.services.now())


async def reserved(service: Service) -> Decimal:
    return (await service.services.limits.get("acme", now=service.services.now())).reserved_dollars


async def until_reserved(service: Service, dollars: Decimal) -> None:
    while await reserved(service) != dollars:  # noqa: ASYNC110 - what is in the store can only be looked at
        await asyncio.sleep(0.005)


async def runs_of(service: Service) -> int:
    async with service.services.database.connect() as connection:
        return (await connection.exec_driver_sql("SELECT count(*) FROM runs")).scalar_one()


async def test_of_200_at_once_as_many_run_as_the_budget_has_room_for(
    start: Callable, gate: asyncio.Event
) -> None:
    services = [await start(), await start()]  # two engines on one store
    one = await max_run_cost(services[0].services)
    await limit(services[0], daily_dollars=50 * one)
    asking = [asyncio.create_task(services[n % 2].ask(**PLAIN)) for n in range(200)]
    refused = 0
    for done in asyncio.as_completed(asking):
        response = await done
        refused += response.status_code == 402
        if refused == 150 and not gate.is_set():
            await until_reserved(services[0], 50 * one)
            assert await runs_of(services[0]) == 50
            gate.set()
    answers = [task.result() for task in asking]
    assert sorted({answer.status_code for answer in answers}) == [200, 402]
    assert sum(answer.status_code == 200 for answer in answers) == 50
    spent = sum(Decimal(answer.json()["cost"]["total"]) for answer in answers if answer.status_code == 200)
    assert 0 < spent <= 50 * one
    assert await runs_of(services[0]) == 50  # who was refused left nothing
    assert await reserved(services[0]) == 0
    assert (await services[1].ask(**PLAIN)).status_code == 200


@pytest.mark.thorough
async def test_however_many_ask_the_budget_is_used_up_and_never_overspent_by_more_than_one_run(
    start: Callable, gate: asyncio.Event
) -> None:
    gate.set()
    services = [await start(), await start()]
    terse = PLAIN | {"model": "terse"}
    most = await max_run_cost(services[0].services, model="terse")
    budget = Decimal("0.1005")  # for 50 answers of $0.00201
    await limit(services[0], daily_dollars=budget)
    paid, succeeded = Decimal(0), 1
    while succeeded:
        answers = await asyncio.gather(*(services[n % 2].ask(**terse) for n in range(200)))
        costs = [Decimal(each.json()["cost"]["total"]) for each in answers if each.status_code == 200]
        assert {each.status_code for each in answers} <= {200, 402}
        paid, succeeded = paid + sum(costs), len(costs)
    daily = (await services[0].services.limits.get("acme", now=START)).daily
    assert daily is not None
    assert daily.spent_dollars == paid  # who was refused cost nothing
    assert budget - most < paid <= budget + most
    assert await reserved(services[0]) == 0


async def test_a_refusal_says_what_is_left_and_when_it_resets(service: Service) -> None:
    await limit(service, daily_dollars="0")
    for headers in ({}, {"Accept": "text/event-stream"}):
        response = await service.ask(headers=headers, **PLAIN)
        assert response.status_code == 402
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["type"] == "urn:vital:budget-exceeded"
        assert (problem["left_dollars"], problem["resets_at"]) == ("0", "2026-11-26T00:00:00Z")
        assert "The daily budget of $0" in problem["detail"]
    assert await runs_of(service) == 0
    assert service.engine.hub.active == 0


def counted(reason: str) -> float:
    return sum(sample.value for sample in REQUESTS_REJECTED_TOTAL.labels(reason).samples())


def ended(outcome: str) -> float:
    return sum(
        sample.value
        for sample in WORKFLOW_REQUESTS_TOTAL.labels("2", "acme", outcome, "base-workflow").samples()
    )


async def test_each_refusal_is_counted_once_and_as_no_run(service: Service) -> None:
    def counts() -> list[float]:
        ran = ended("success") + ended("degraded")
        return [counted("budget"), counted("rate_limit"), ended("rejected"), ran]

    await limit(service, daily_dollars="0", requests_per_minute=1)
    TENANT.admit("acme")  # before it is counted, or what other tests counted under "other" is read here
    before = counts()
    for model in ("dear", "dear", "extractive", "extractive"):
        await service.ask(**PLAIN | {"model": model, "enable_rag": True})
    assert [new - old for new, old in zip(counts(), before, strict=True)] == [2, 1, 3, 1]


async def test_the_library_raises_what_the_service_answers(service: Service, clock: Clock) -> None:
    workflow = BaseWorkflow(service.services)
    question = WorkflowInput(**asked(**PLAIN))
    await limit(service, daily_dollars="0")
    with pytest.raises(BudgetExceeded) as refused:
        await workflow.execute_typed(question)
    assert refused.value.resets_at == START + timedelta(hours=1)
    await limit(service, requests_per_minute=1)
    await workflow.execute_typed(question.model_copy(update={"model": "extractive"}))
    with pytest.raises(RateLimited) as late:
        _ = [event async for event in workflow.execute_stream(question)]
    assert late.value.retry_after_seconds == 60
    assert await runs_of(service) == 1


async def test_the_turn_of_the_day_frees_the_daily_budget(service: Service, clock: Clock, gate) -> None:
    gate.set()
    await limit(service, daily_dollars="0")
    assert (await service.ask(**PLAIN)).status_code == 402
    await limit(service, daily_dollars="0.000000001")
    clock.now = START + timedelta(hours=1)
    assert (await service.ask(**PLAIN)).status_code == 200


async def test_what_is_free_needs_no_budget(service: Service) -> None:
    await limit(service, daily_dollars="0")
    assert (await service.ask(**PLAIN | {"model": "extractive"})).status_code == 200


async def test_requests_beyond_the_rate_are_reported_when_to_come_again(
    service: Service, clock: Clock
) -> None:
    await limit(service, requests_per_minute=3)
    answers = await asyncio.gather(*(service.ask() for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 7
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert (refused.headers["retry-after"], refused.json()["type"]) == ("20", "urn:vital:rate-limited")
    clock.now += timedelta(seconds=int(refused.headers["retry-after"]))
    assert (await service.ask()).status_code == 200
    assert (await service.ask()).status_code == 429


async def test_other_tenants_are_not_limited(service: Service) -> None:
    await limit(service, daily_dollars="0", requests_per_minute=1)
    for _ in range(3):
        assert (await service.ask(tenant_id="globex")).status_code == 200


async def test_a_cancelled_run_gives_back_what_it_held(service: Service) -> None:
    await limit(service, daily_dollars="1000")
    asking = asyncio.create_task(service.ask(**PLAIN))
    await until_reserved(service, await max_run_cost(service.services))
    (run_id,) = service.engine.hub._runs
    assert (await service.client.delete(f"/v1/runs/{run_id}")).status_code == 204
    assert (await asking).status_code == 409
    assert await reserved(service) == 0


async def test_a_failed_run_gives_back_what_it_held(service: Service, monkeypatch, gate) -> None:
    gate.set()
    await limit(service, daily_dollars="1000")

    async def broken(_: object) -> AsyncGenerator[None, None]:
        raise RuntimeError
        yield

    monkeypatch.setattr("vital_shared.workflows.answering.Answering._ask", broken)
    assert (await service.ask(**PLAIN)).status_code == 500
    assert await reserved(service) == 0


async def test_a_run_that_waits_holds_nothing_and_needs_room_to_go_on(service: Service, gate) -> None:
    gate.set()
    await limit(service, daily_dollars="1000")
    paused = (await service.ask(SUM, mode=1, model="dear")).json()
    assert paused["status"] == "awaiting_approval"
    assert await reserved(service) == 0
    await limit(service, daily_dollars="0")
    path = f"/v1/runs/{paused['run_id']}"
    refused = await service.client.post(f"{path}/approval", json={"approved": "all"})
    assert refused.status_code == 402
    assert (await service.client.get(path)).json()["status"] == "awaiting_approval"
    await limit(service, daily_dollars="1000")
    answered = await service.client.post(f"{path}/approval", json={"approved": "all"})
    assert answered.json()["status"] == "completed"
    assert await reserved(service) == 0


@pytest.mark.thorough
async def test_what_a_killed_process_held_is_free_after_its_runs_deadline(tmp_path) -> None:
    async with provider(openai.stream([asyncio.Event()])) as silent:
        (tmp_path / "vital.toml").write_text(
            f'[providers.slow]\nwire = "openai"\nbase_url = "{silent.url}"\nkey_env = ""\n'
            '[models."slow:m"]\nprice = { input = "1", output = "1" }\n'
        )
        async with running_server(tmp_path) as (process, client):
            budget = {"daily_dollars": "5"}
            assert (await client.put("/v1/budgets/acme", json=budget)).status_code == 200
            asking = asyncio.create_task(client.post("/v1/runs", json=asked(model="slow:m")))
            await silent.asked.wait()
            process.send_signal(signal.SIGKILL)
            await process.wait()
            await asyncio.gather(asking, return_exceptions=True)
    database = Database(store_url(tmp_path))
    try:
        limits, now = LimitStore(database), datetime.now(UTC)
        assert (await limits.get("acme", now=now)).reserved_dollars > 0
        assert (await limits.get("acme", now=now + timedelta(seconds=331))).reserved_dollars == 0
    finally:
        await database.aclose()
