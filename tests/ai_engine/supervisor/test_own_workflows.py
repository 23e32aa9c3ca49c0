"""Workflows of one's own over HTTP at two workers with a real Redis: all that the built-in one has."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.ai_engine.harness import SUM, asked, sse
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER, Engine, running_engine
from tests.installed_package import install_package
from tests.llm.wires.servers import base, openai

SOURCE = """
import asyncio

from vital_shared import Answer, BaseWorkflow, Pause, Workflow, WorkflowInput, node


class ReportInput(WorkflowInput):
    topic: str


class OfficeReport(Workflow[ReportInput, str]):
    @node
    async def draft(self, topic: str) -> str:
        return await self.llm(f"Write about {topic}.", stream=True)

    @node
    async def answer(self, draft: str) -> str:
        return draft

    @node
    async def result(self, draft: str) -> str:
        return draft.upper()


class Released(Workflow):
    @node(pauses=True)
    async def verdict(self, query: str) -> bool:
        raise Pause({"draft": query})

    @node
    async def answer(self, query: str, verdict: bool) -> str:
        return f"{query} is out" if verdict else "Held back"


class Sums(BaseWorkflow):
    @node
    async def length(self, answer: Answer) -> int:
        return len(answer.text)


class Endless(Workflow):
    @node
    async def answer(self, query: str) -> str:
        await asyncio.sleep(600)
        return query
"""

REPORT = "/v1/workflows/office-report/runs"
PLUGINS = {
    "released": "own_office:Released",
    "sums": "own_office:Sums",
    "endless": "own_office:Endless",
}


@asynccontextmanager
async def engine_of(tmp_path, upstream: Any) -> AsyncIterator[Engine]:
    """Two workers: one workflow from the configuration, the others from a package."""
    install_package(tmp_path / "site", "own_office", SOURCE, PLUGINS)
    tables = '[workflows]\noffice-report = "own_office:OfficeReport"\n'
    data = tmp_path / "data"
    data.mkdir()
    (data / "vital.toml").write_text(SLOW_PROVIDER.format(url=upstream.url) + tables)
    chosen = {"VITAL_CACHE_ENTRIES": "1000", "PYTHONPATH": str(tmp_path / "site")}
    async with running_engine(data, **chosen) as engine:
        yield engine


def about(topic: str, **fields: Any) -> dict[str, Any]:
    return asked("A report", topic=topic, **({"model": "slow:model"} | fields))


async def at_each_worker(
    engine: Engine, ask: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
) -> list[httpx.Response]:
    """Send a request until both workers have answered it; gives all answers."""
    answers: list[httpx.Response] = []
    workers: set[int] = set()
    while len(workers) < 2:
        async with engine.client() as client:
            answers.append(await ask(client))
        line = await engine.logged("request", request_id=answers[-1].headers["x-request-id"])
        workers.add(line["worker"])
    return answers


@pytest.fixture
async def engine(tmp_path) -> AsyncIterator[Engine]:
    async with base.serve(openai.stream(openai.TEXT)) as upstream, engine_of(tmp_path, upstream) as engine:
        yield engine


@pytest.mark.timeout(240)  # all of it at one engine
@pytest.mark.thorough
async def test_an_own_workflow_has_all_that_the_built_in_one_has(engine: Engine) -> None:
    """One engine for all of it: starting one takes longer than asking it."""
    await streams_and_is_charged(engine)
    await answers_from_the_cache_at_every_worker(engine)
    await is_counted_under_its_name(engine)
    await pauses_and_goes_on_at_another_worker(engine)
    await has_calls_of_tools_approved_at_another_worker(engine)
    await is_listed_while_it_runs_and_cancelled_at_another_worker(engine)
    await costs_the_same_everywhere(engine)
    await is_held_to_the_budget_at_every_worker(engine)
    await never_overspends_a_budget_with_many_runs_at_once(engine)
    assert await engine.total("vital_worker_restarts_total") == 0


async def streams_and_is_charged(engine: Engine) -> None:
    headers = {"Accept": "text/event-stream"}
    async with (
        engine.client() as client,
        client.stream("POST", REPORT, json=about("bees"), headers=headers) as response,
    ):
        assert response.status_code == 200, (await response.aread()).decode()
        events = [event async for event in sse(response)]
    output = events[-1]["output"]
    assert events[-1]["type"] == "run_finished"
    assert output["result"] == openai.SAID.upper()
    drafted = [event["value"] for event in events if event["type"] == "node_yielded"]
    answered = [event["text"] for event in events if event["type"] == "token"]
    assert "".join(drafted) == "".join(answered) == openai.SAID
    cost = Decimal(output["cost"]["llm"])
    assert cost > 0
    async with engine.client() as client:
        costs = (await client.get("/v1/costs", params={"group_by": "workflow"})).json()
        run = (await client.get(f"/v1/runs/{output['run_id']}")).json()
    assert Decimal(costs["total"]["cost_dollars"]) == cost
    assert [line["group"] for line in costs["lines"]] == [{"workflow": "office-report"}]
    assert (run["status"], run["output"]["result"]) == ("completed", output["result"])


async def answers_from_the_cache_at_every_worker(engine: Engine) -> None:
    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(REPORT, json=about("bees"))

    answers = [answer.json() for answer in await at_each_worker(engine, ask)]
    assert {answer["result"] for answer in answers} == {openai.SAID.upper()}
    assert {answer["cache_status"] for answer in answers} == {"hit"}
    async with engine.client() as client:
        other = (await client.post(REPORT, json=about("wasps"))).json()
    assert other["cache_status"] == "miss"


async def is_counted_under_its_name(engine: Engine) -> None:
    names = ("vital_workflow_requests_total", "vital_workflow_duration_seconds_count")
    for name in names:
        assert await engine.total(name, workflow="office-report") >= 4
        assert await engine.total(name, workflow="base-workflow") == 0
    assert await engine.total("vital_cost_dollars_total", workflow="office-report") > 0
    assert await engine.total("vital_workflow_active", workflow="office-report") == 0
    assert await engine.total("vital_workflow_active", workflow="released") == 0


async def pauses_and_goes_on_at_another_worker(engine: Engine) -> None:
    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/v1/workflows/released/runs", json=asked("The letter", model=None))

    paused = [answer.json() for answer in await at_each_worker(engine, ask)]
    assert {answer["status"] for answer in paused} == {"awaiting_approval"}
    for each in paused:
        async with engine.client() as client:
            body = {"answers": {"verdict": True}}
            done = await client.post(f"/v1/runs/{each['run_id']}/resume", json=body)
        assert (done.status_code, done.json()["response"]) == (200, "The letter is out"), done.text


@asynccontextmanager
async def client_of_each_worker(engine: Engine) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Open connections until there is one to each worker; they stay with it."""
    async with AsyncExitStack() as stack:
        clients: dict[int, httpx.AsyncClient] = {}
        while len(clients) < 2:
            client = await stack.enter_async_context(engine.client())
            answer = await client.get("/v1/agents")
            line = await engine.logged("request", request_id=answer.headers["x-request-id"])
            clients.setdefault(line["worker"], client)
        yield list(clients.values())


async def has_calls_of_tools_approved_at_another_worker(engine: Engine) -> None:
    """One call is approved as it is, one with other arguments, one is denied with a reason."""
    body = asked(SUM, mode="1", model=None, enable_rag=False)
    decisions: list[Callable[[str], dict[str, Any]]] = [
        lambda call: {"approved": [call]},
        lambda call: {"edited": {call: {"expression": "6 * 7"}}},
        lambda call: {"denied": {call: "We have this number."}},
    ]
    results = []
    async with client_of_each_worker(engine) as (one, other):
        for decide in decisions:
            paused = (await one.post("/v1/workflows/sums/runs", json=body)).json()
            assert paused["status"] == "awaiting_approval", paused
            (call,) = paused["suggested_tools"]
            path = f"/v1/runs/{paused['run_id']}"
            done = await other.post(f"{path}/resume", json={**decide(call["id"]), "user_id": "ann"})
            assert done.status_code == 200, done.text
            assert done.json()["values"]["length"] == len(done.json()["response"])
            results.append([(each["status"], each["content"]) for each in done.json()["tool_results"]])
            stored = (await one.get(path)).json()
            assert (stored["status"], stored["decisions"][0]["user_id"]) == ("completed", "ann")
            again = await other.post(f"{path}/resume", json=decide(call["id"]))
            assert again.status_code == 409, again.text
    assert [len(each) for each in results] == [1, 1, 1], results
    assert "42" in results[1][0][1]
    assert await engine.total("vital_workflow_active", workflow="sums") == 0


async def is_listed_while_it_runs_and_cancelled_at_another_worker(engine: Engine) -> None:
    headers = {"Accept": "text/event-stream"}
    async with client_of_each_worker(engine) as (one, other):
        path, body = "/v1/workflows/endless/runs", asked("Go", model=None)
        async with one.stream("POST", path, json=body, headers=headers) as response:
            events = sse(response)
            run_id = (await anext(events))["run_id"]
            for client in (one, other):
                listed = (await client.get("/v1/runs", params={"status": "running"})).json()["runs"]
                assert [(run["id"], run["workflow"]) for run in listed] == [(run_id, "endless")]
            assert await engine.total("vital_workflow_active", workflow="endless") == 1
            cancelled = await other.delete(f"/v1/runs/{run_id}")
            assert cancelled.status_code == 204, cancelled.text
            last = [event async for event in events][-1]
        assert (last["type"], last["error_type"]) == ("run_failed", "cancelled")
        for client in (one, other):
            stored = (await client.get(f"/v1/runs/{run_id}")).json()
            assert (stored["status"], stored["workflow"]) == ("cancelled", "endless")
        assert await engine.total("vital_workflow_active", workflow="endless") == 0


async def costs_the_same_everywhere(engine: Engine) -> None:
    """The cost of `self.llm` is the same in the answers of both workers, in the ledger and in the metrics."""
    metric = ("vital_cost_dollars_total", {"workflow": "office-report", "tenant_id": "initech"})
    topics = iter(range(1_000))

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(REPORT, json=about(f"ants {next(topics)}", tenant_id="initech"))

    answers = [answer.json() for answer in await at_each_worker(engine, ask)]
    assert {answer["cache_status"] for answer in answers} == {"miss"}
    (tokens,) = {tuple(sorted(answer["tokens"].items())) for answer in answers}
    assert dict(tokens)["output"] > 0
    assert {call["node"] for answer in answers for call in answer["model_calls"]} == {"draft"}
    spent = sum(Decimal(answer["cost"]["llm"]) for answer in answers)
    async with engine.client() as client:
        lines = (await client.get("/v1/costs", params={"group_by": "tenant"})).json()["lines"]
    (line,) = (line for line in lines if line["group"] == {"tenant": "initech"})
    assert Decimal(line["cost_dollars"]) == spent > 0
    assert await engine.total(metric[0], **metric[1]) == pytest.approx(float(spent))
    written = await engine.total("vital_llm_tokens_total", model="slow:model", token_type="output")
    assert written >= len(answers) * dict(tokens)["output"]


async def is_held_to_the_budget_at_every_worker(engine: Engine) -> None:
    async with engine.client() as client:
        set_ = await client.put("/v1/budgets/acme", json={"daily_dollars": "0.000001"})
        assert set_.status_code == 200, set_.text

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(REPORT, json=about("hornets"))

    assert {answer.status_code for answer in await at_each_worker(engine, ask)} == {402}


async def never_overspends_a_budget_with_many_runs_at_once(engine: Engine) -> None:
    budget = Decimal("0.005")
    async with engine.client() as client:
        set_ = await client.put("/v1/budgets/umbrella", json={"daily_dollars": str(budget)})
        assert set_.status_code == 200, set_.text

    async def ask(number: int) -> httpx.Response:
        async with engine.client() as client:  # with a connection of its own, which either worker may take
            return await client.post(REPORT, json=about(f"bees {number}", tenant_id="umbrella"))

    answers = await asyncio.gather(*map(ask, range(40)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 402}
    requests = [answer.headers["x-request-id"] for answer in answers]
    lines = [await engine.logged("request", request_id=each) for each in requests]
    assert len({line["worker"] for line in lines}) == 2
    async with engine.client() as client:
        costs = (await client.get("/v1/costs", params={"group_by": "tenant"})).json()["lines"]
    (line,) = (line for line in costs if line["group"] == {"tenant": "umbrella"})
    answered = [answer.json() for answer in answers if answer.status_code == 200]
    spent = sum(Decimal(answer["cost"]["llm"]) for answer in answered)
    assert Decimal(line["cost_dollars"]) == spent
    assert 0 < spent <= budget
