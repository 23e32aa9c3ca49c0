"""Whatever runs at once and asks models itself: no budget is overspent by more than one reservation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import ClassVar, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from vital_shared import Answer, BaseWorkflow, Workflow, node
from vital_shared.errors import ConfigurationError, CostLimitExceeded, RunFailed, VitalError
from vital_shared.llm.base import CallStarted, ModelRequest, Stop, TextDelta, Usage
from vital_shared.models.limits import TenantLimits
from vital_shared.models.money import to_dollars
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.monitoring.counted import counted
from vital_shared.store.account_tables import ledger, reservations
from vital_shared.testing import question, workflow_services
from vital_shared.workflows.services import Services

pytestmark = pytest.mark.long

TOKEN_NANOS = 10_000
PROMPT_TOKENS = 7
"""Tokens of the prompt below, at most: its bytes."""

DECLARED_NANOS = 3_000_000
CONFIGURATION = '[models."dear"]\nprice = { input = "10", output = "10" }\n'


class Call(NamedTuple):
    """A call of a node."""

    pauses: int
    """Turns of the loop before it, and within it."""
    max_tokens: int
    written: int
    """In hundredths of `max_tokens`."""


class Dear:
    """A model that reads the whole prompt and writes as much as it is asked for."""

    name = "dear"
    calls_tools = False

    async def stream(self, request: ModelRequest):
        call = PLANNED[int(request.messages[0].content)]
        yield CallStarted(
            prompt="own", input_tokens=PROMPT_TOKENS, max_output_tokens=request.max_output_tokens
        )
        BEGUN.set()
        for _ in range(call.pauses):
            await asyncio.sleep(0)
        yield TextDelta(text="Yes.")
        assert request.max_output_tokens is not None
        written = request.max_output_tokens * call.written // 100
        yield Usage(input_tokens=PROMPT_TOKENS, output_tokens=written)
        yield Stop(reason="end")


PLANNED: dict[int, Call] = {}
NUMBERS = count(1_000_000)
BEGUN = asyncio.Event()
"""Set with each call."""


class Spending(Workflow[WorkflowInput, int]):
    @node
    async def one(self, metadata: dict) -> int:
        return await self._spend(metadata["one"])

    @node
    async def other(self, metadata: dict) -> int:
        return await self._spend(metadata["other"])

    @node(max_cost_dollars=to_dollars(DECLARED_NANOS))
    async def bounded(self, metadata: dict) -> int:
        return await self._spend(metadata["bounded"])

    @node
    async def result(self, one: int, other: int, bounded: int) -> int:
        return one + other + bounded

    async def _spend(self, numbers: list[int]) -> int:
        for number in numbers:
            for _ in range(PLANNED[number].pauses):
                await asyncio.sleep(0)
            await self.llm(str(number), max_tokens=PLANNED[number].max_tokens)
        return len(numbers)


class Leaving(Workflow[WorkflowInput, int]):
    """A workflow that leaves a call to a task of its own, which outlives the run."""

    tasks: ClassVar[list[asyncio.Task[str]]] = []
    over: ClassVar[asyncio.Event]

    @node
    async def result(self, metadata: dict) -> int:
        BEGUN.clear()
        self.tasks.append(asyncio.create_task(self._ask(metadata["is_late"])))
        if not metadata["is_late"]:
            await BEGUN.wait()
        return 1

    async def _ask(self, is_late: bool) -> str:
        number = planned([Call(1_000_000, 100, 100)])[0]
        if is_late:
            await self.over.wait()
        return await self.llm(str(number), max_tokens=100)


def planned(calls: list[Call]) -> list[int]:
    numbers = [next(NUMBERS) for _ in calls]
    PLANNED.update(zip(numbers, calls, strict=True))
    return numbers


CALLS = st.lists(
    st.builds(
        Call, st.integers(0, 5), st.sampled_from((1, 100, 150, 200)), st.sampled_from((0, 50, 100, 100))
    ),
    max_size=3,
)
RUNS = st.lists(
    st.fixed_dictionaries({"one": CALLS, "other": CALLS, "bounded": CALLS}), min_size=1, max_size=5
)
LIMITS = st.sampled_from((1, 100_000, 2_000_000, 5_000_000, 10_000_000, 100_000_000))


class Bench(NamedTuple):
    """Services that are open in a loop of their own, for all examples."""

    runner: asyncio.Runner
    services: Services


@pytest.fixture
def bench(tmp_path) -> Iterator[Bench]:
    config = tmp_path / "vital.toml"
    config.write_text(CONFIGURATION)
    with asyncio.Runner() as runner:
        opened = workflow_services(tmp_path, models=[Dear()], model="dear", config=config)
        yield Bench(runner, runner.run(opened.__aenter__()))
        runner.run(opened.__aexit__(None, None, None))


async def nanos(services: Services, tenant: str) -> tuple[int, int, int]:
    """Return what a tenant has spent, the number of its reservations, and the cost of its dearest run."""
    spent = select(func.coalesce(func.sum(ledger.c.cost_nanos), 0)).where(ledger.c.tenant_id == tenant)
    reserved = select(func.count()).where(reservations.c.tenant_id == tenant)
    by_run = (
        select(func.sum(ledger.c.cost_nanos)).where(ledger.c.tenant_id == tenant).group_by(ledger.c.run_id)
    )
    async with services.database.connect() as connection:
        runs = (await connection.execute(by_run)).scalars().all()
        return (
            int((await connection.execute(spent)).scalar_one()),  # Postgres adds up to a decimal
            (await connection.execute(reserved)).scalar_one(),
            max(runs, default=0),
        )


async def check(
    services: Services, tenant: str, runs: list[dict[str, list[Call]]], limit: int, per_run: int | None
) -> tuple[int, int]:
    """Return what was spent and what may be, once all else that there is of it agrees."""
    await services.limits.set(tenant, TenantLimits(daily_dollars=to_dollars(limit)), now=services.now())
    workflow = Spending(services)
    highest = None if per_run is None else to_dollars(per_run)
    requests = [
        question(
            "?",
            tenant_id=tenant,
            max_cost_dollars=highest,
            metadata={name: planned(calls) for name, calls in run.items()},
        )
        for run in runs
    ]
    with counted() as growth:
        ended = await asyncio.gather(*map(workflow.execute_typed, requests), return_exceptions=True)
    assert all(isinstance(each, VitalError) for each in ended if isinstance(each, BaseException))
    assert all(str(each) for each in ended if isinstance(each, RunFailed))
    spent, reserved, dearest = await nanos(services, tenant)
    assert per_run is None or dearest <= per_run
    largest = max((call.max_tokens for run in runs for calls in run.values() for call in calls), default=0)
    one_call = (largest + PROMPT_TOKENS) * TOKEN_NANOS
    assert reserved == 0
    outputs = [each for each in ended if not isinstance(each, BaseException)]
    assert sum(output.cost.total for output in outputs) <= to_dollars(spent)
    for output in outputs:
        paid = sum((call.cost_dollars or Decimal(0) for call in output.model_calls), Decimal(0))
        assert output.cost.total == paid
        assert highest is None or paid <= highest
        bounded = sum(call.cost_dollars or 0 for call in output.model_calls if call.node == "bounded")
        assert bounded <= to_dollars(DECLARED_NANOS)
    assert growth("vital_cost_overall_dollars_total") == pytest.approx(spent / 10**9, abs=1e-12)
    assert growth("vital_node_cost_dollars_total") == pytest.approx(spent / 10**9, abs=1e-12)
    if len(outputs) == len(runs):
        assert sum(output.cost.total for output in outputs) == to_dollars(spent)
    return spent, limit + DECLARED_NANOS + one_call


@settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    runs=RUNS,
    limit=LIMITS,
    per_run=st.none() | st.sampled_from((0, 1_500_000, 4_000_000)),
)
def test_no_interleaving_of_calls_spends_more_than_is_left_and_one_reservation(bench, runs, limit, per_run):
    ended = check(bench.services, f"t{next(NUMBERS)}", runs, limit, per_run)
    spent, most = bench.runner.run(ended)
    assert spent <= most


class Unhurried:
    """A model that writes all that it may, after a while, so that calls overlap."""

    name = "dear"
    calls_tools = False

    async def stream(self, request: ModelRequest):
        yield CallStarted(
            prompt="own", input_tokens=PROMPT_TOKENS, max_output_tokens=request.max_output_tokens
        )
        for _ in range(50):
            await asyncio.sleep(0)
        yield TextDelta(text="Yes.")
        yield Usage(input_tokens=PROMPT_TOKENS, output_tokens=request.max_output_tokens or 4_096)
        yield Stop(reason="end")


class Beside(BaseWorkflow):
    """Has a node that asks a model while the built-in answer is written."""

    @node
    async def remark(self, question: str) -> str:
        try:
            return await self.llm(question)
        except CostLimitExceeded:
            return "none"

    @node
    async def both(self, answer: Answer, remark: str) -> str:
        return f"{answer.text} {remark}"


@pytest.mark.parametrize("execution", ["parallel", "sequential"])
async def test_an_answer_and_a_call_beside_it_hold_the_runs_limit_together(tmp_path, execution):
    config = tmp_path / "vital.toml"
    config.write_text(CONFIGURATION)
    limit = Decimal("0.03")
    async with workflow_services(tmp_path, models=[Unhurried()], model="dear", config=config) as services:
        request = question(
            "How long?",
            enable_rag=False,
            enable_tools=False,
            execution=execution,
            max_cost_dollars=limit,
        )
        output = await Beside(services).execute_typed(request)
    assert 0 < output.cost.total <= limit
    assert output.values["both"].strip()


async def leave(services: Services, *, is_late: bool) -> tuple[int, asyncio.Task[str], Decimal]:
    tenant = f"t{next(NUMBERS)}"
    asked = question("?", tenant_id=tenant, metadata={"is_late": is_late})
    Leaving.over = asyncio.Event()
    output = await Leaving(services).execute_typed(asked)
    Leaving.over.set()
    left = Leaving.tasks.pop()
    await asyncio.wait([left])
    return (await nanos(services, tenant))[0], left, output.cost.total


def test_a_call_that_a_task_leaves_behind_ends_with_the_run_and_is_charged(bench):
    spent, left, total = bench.runner.run(leave(bench.services, is_late=False))
    assert left.cancelled()
    assert to_dollars(spent) == total > 0


def test_a_call_after_the_end_of_its_run_is_refused(bench):
    spent, left, total = bench.runner.run(leave(bench.services, is_late=True))
    assert isinstance(left.exception(), ConfigurationError)
    assert "its run is over: await it in the node" in str(left.exception())
    assert (spent, total) == (0, 0)
