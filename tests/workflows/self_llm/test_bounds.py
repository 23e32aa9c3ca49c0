"""Bounds on what the calls of nodes may cost."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from tests.workflows.self_llm.harness import asked, says

from vital_shared import BaseWorkflow, PlanError, Workflow, node
from vital_shared.errors import (
    BudgetExceeded,
    CostLimitExceeded,
    RunFailed,
)
from vital_shared.graph import fan_out
from vital_shared.models.limits import TenantLimits

# Money


class Declared(BaseWorkflow):
    answer = None
    quality = None
    calls = 1
    max_tokens: int | None = 100

    @node(max_cost_dollars="0.0025")
    async def paid(self, query: str) -> str:
        for _ in range(self.calls):
            await self.llm("Say it.", max_tokens=self.max_tokens)
        return "done"


class Undeclared(BaseWorkflow):
    answer = None
    quality = None

    @node
    async def paid(self, query: str) -> str:
        return await self.llm(query, max_tokens=100)


async def test_a_call_beyond_the_nodes_bound_is_refused_before_it_is_made(engine):
    async with engine(says("Yes.", written=80, read=8)) as found:
        workflow = Declared(found.services)
        workflow.calls = 5
        with pytest.raises(RunFailed) as failed:
            await workflow.execute_typed(asked())
    assert isinstance(failed.value.__cause__, CostLimitExceeded)
    assert failed.value.error_type == "budget"
    assert "max_cost_dollars" in str(failed.value)
    assert len(found.bodies) == 2  # of 880,000 nanos each; a third could cost 1,070,000


async def test_without_a_limit_of_its_own_an_answer_is_as_long_as_the_nodes_money_buys(engine):
    async with engine(says("Yes.")) as found:
        workflow = Declared(found.services)
        workflow.max_tokens = None
        await workflow.execute_typed(asked())
        (body,) = found.bodies
    assert 200 < body["max_tokens"] <= 250


@pytest.mark.parametrize("workflow", [Declared, Undeclared])
async def test_the_runs_own_limit_holds_for_calls_of_nodes(engine, workflow):
    async with engine(says("Yes.")) as found:
        with pytest.raises(RunFailed) as failed:
            await workflow(found.services).execute_typed(asked(max_cost_dollars=Decimal("0.0005")))
    assert isinstance(failed.value.__cause__, CostLimitExceeded)
    assert found.bodies == []


@pytest.mark.parametrize("workflow", [Declared, Undeclared])
async def test_a_small_budget_does_not_admit_runs_at_once_that_each_cost_more(engine, workflow):
    gate = asyncio.Event()

    def slow(_):
        reply = says("Yes.", read=8, written=80)
        return type(reply)([gate, *reply.parts], headers=reply.headers)

    async with engine(slow) as found:
        services = found.services
        limits = TenantLimits(daily_dollars=Decimal("0.0001"))
        await services.limits.set("acme", limits, now=services.now())
        runs = [asyncio.create_task(workflow(services).execute_typed(asked())) for _ in range(3)]
        while sum(run.done() for run in runs) < 2:
            await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED, timeout=5)
            runs = sorted(runs, key=asyncio.Task.done)
        gate.set()
        results = await asyncio.gather(*runs, return_exceptions=True)
        bodies = len(found.bodies)
    refused = [getattr(each, "__cause__", None) or each for each in results if isinstance(each, Exception)]
    assert bodies == 1
    assert [type(each) for each in refused] == [BudgetExceeded, BudgetExceeded]


async def test_the_items_of_a_fan_out_share_their_nodes_bound(engine):
    class Fanned(BaseWorkflow):
        answer = None
        quality = None

        @node
        async def parts(self, query: str) -> tuple[str, ...]:
            return tuple("abcd")

        @fan_out("part", over="parts", max_cost_dollars="0.0025", degradation="part_failed")
        async def said(self, part: str) -> str:
            return await self.llm(part, max_tokens=100)

    async with engine(says("Yes.", read=1, written=100)) as found:
        output = await Fanned(found.services).execute_typed(asked())
    assert len(found.bodies) == 2
    assert output.cost.llm <= Decimal("0.0025")


async def test_what_nodes_declare_is_reserved_before_the_run(engine):
    async with engine(says("Yes.")) as found:
        await found.services.limits.set(
            "acme", TenantLimits(daily_dollars=Decimal("0.002")), now=found.services.now()
        )
        gate = asyncio.Event()

        class Waiting(Declared):
            @node
            async def waits(self, query: str) -> str:
                await gate.wait()
                return query

        run = asyncio.create_task(Waiting(found.services).execute_typed(asked()))
        await found.server.asked.wait()
        standing = await found.services.limits.get("acme", now=found.services.now())
        gate.set()
        await run
        after = await found.services.limits.get("acme", now=found.services.now())
    assert standing.reserved_dollars == Decimal("0.0025")
    assert after.reserved_dollars == 0


class Bounded(Workflow):
    max_cost_dollars = "0.0025"

    @node
    async def answer(self, query: str) -> str:
        for _ in range(5):
            await self.llm(query, max_tokens=100)
        return "done"


async def test_the_bound_of_a_class_holds_where_the_request_has_none(engine):
    async with engine(*[says("Yes.", written=80, read=8)] * 5) as found:
        with pytest.raises(RunFailed) as failed:
            await Bounded(found.services).execute_typed(asked())
        assert isinstance(failed.value.__cause__, CostLimitExceeded)
        assert len(found.bodies) == 2
        assert (await Bounded(found.services).execute_typed(asked(max_cost_dollars=1))).response == "done"


async def test_the_bound_of_a_class_is_stored_with_what_waits_in_the_background(engine):
    async with engine() as found:
        record = await Bounded(found.services).queued_record(asked())
    assert record.input.max_cost_dollars == Decimal("0.0025")


@pytest.mark.parametrize("amount", [-1, "much", float("nan")])
def test_a_bound_of_a_class_that_is_no_amount_is_refused_when_it_is_defined(amount):
    with pytest.raises(PlanError, match=r"^workflow 'Wrong' declares max_cost_dollars=.*: write an amount"):
        type("Wrong", (Bounded,), {"max_cost_dollars": amount})
