"""A workflow that asks models, as a part of another one and in a loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal

import pytest

from vital_shared import RunFailed, Workflow, node
from vital_shared.errors import BudgetExceeded, CostLimitExceeded
from vital_shared.graph.subworkflow import repeat, subworkflow
from vital_shared.llm.base import CallStarted, ModelEvent, ModelRequest, Stop, TextDelta, Usage
from vital_shared.models.limits import TenantLimits
from vital_shared.testing import ScriptedModel, asks_for, counted, question, workflow_services
from vital_shared.tools.calculator.tool import calculator


class Longer:
    """A model that answers with the prompt and one letter more, for ten dollars a million tokens."""

    name = "dear"
    calls_tools = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        yield CallStarted(prompt="own", input_tokens=1, max_output_tokens=100)
        yield TextDelta(text=f"{request.messages[0].content}!")
        yield Usage(input_tokens=1, output_tokens=99)
        yield Stop(reason="end")


class Revision(Workflow):
    @node(max_cost_dollars="0.0011")
    async def answer(self, query: str) -> str:
        return await self.llm(query, max_tokens=100)


class Greedy(Workflow):
    @node(max_cost_dollars="0.0011")
    async def answer(self, query: str) -> str:
        await self.llm(query, max_tokens=100)
        return await self.llm(query, max_tokens=100)


class TwoStages(Workflow):
    """A graph with one node that declares a bound and one that declares none."""

    @node(max_cost_dollars="0.0015")
    async def outline(self, query: str) -> str:
        return await self.llm(query, max_tokens=100)

    @node
    async def answer(self, outline: str) -> str:
        return await self.llm(outline, max_tokens=100)


class TwoStagesAgain(Workflow):
    polished = repeat(TwoStages, carry="query", until=lambda text: False, limit=3)


class Inner(TwoStagesAgain):
    @node
    async def answer(self, polished: str) -> str:
        return polished


class Nested(Workflow):
    polished = repeat(Inner, carry="query", until=lambda text: False, limit=2)


class Once(Workflow):
    review = subworkflow(Revision)


class GreedyOnce(Workflow):
    review = subworkflow(Greedy)


class Again(Workflow):
    polished = repeat(Revision, carry="query", until=lambda text: text.endswith("!!!"), limit=4)


class GreedyAgain(Workflow):
    polished = repeat(Greedy, carry="query", until=lambda text: False, limit=2)


@pytest.fixture
async def services(tmp_path):
    config = tmp_path / "vital.toml"
    config.write_text('[models."dear"]\nprice = { input = "10", output = "10" }\n')
    async with workflow_services(tmp_path, models=[Longer()], model="dear", config=config) as found:
        yield found


@pytest.mark.parametrize(
    ("workflow", "node_name", "calls"), [(Once, "review.answer", 1), (Again, "polished.answer", 3)]
)
async def test_the_calls_of_a_part_have_its_name_and_are_paid_by_the_run(
    services, workflow, node_name, calls
):
    output = await workflow(services).execute_typed(question("Hi"))
    assert [call.node for call in output.model_calls] == [node_name] * calls
    assert output.cost.llm == Decimal("0.001") * calls


@pytest.mark.parametrize("workflow", [GreedyOnce, GreedyAgain])
async def test_what_a_part_declares_bounds_it_within_the_outer_run(services, workflow):
    with pytest.raises(RunFailed) as failed:
        await workflow(services).execute_typed(question("Hi"))
    assert isinstance(failed.value.__cause__, CostLimitExceeded)


STAGES = ["polished.outline", "polished.answer"]
INNER_STAGES = ["polished.polished.outline", "polished.polished.answer"]


@pytest.mark.parametrize(("workflow", "names"), [(TwoStagesAgain, STAGES * 3), (Nested, INNER_STAGES * 6)])
@pytest.mark.parametrize("limits", [TenantLimits(requests_per_minute=60), TenantLimits(daily_dollars=1)])
async def test_each_node_of_a_round_has_a_bound_of_its_own_or_none(services, workflow, names, limits):
    await services.limits.set("acme", limits, now=services.now())
    output = await workflow(services).execute_typed(question("Hi", tenant_id="acme"))
    assert [call.node for call in output.model_calls] == names
    assert output.cost.llm == Decimal("0.001") * len(names)


async def test_the_money_of_a_round_is_counted_by_its_node(services):
    with counted() as growth:
        output = await TwoStagesAgain(services).execute_typed(question("Hi"))
    for name in STAGES:
        dollars = growth("vital_node_cost_dollars_total", node=name, cost_type="llm")
        assert dollars == pytest.approx(0.003)
    charges = await services.runs.charges(output.run_id)
    assert [charge.node for charge in charges] == STAGES * 3


class Counting(Workflow):
    """A graph whose node calls a tool."""

    @node
    async def answer(self, query: str) -> str:
        return await self.llm(query, tools=[calculator], max_tokens=100)


class CountingAgain(Workflow):
    counted = repeat(Counting, carry="query", until=lambda text: False, limit=2)


async def test_the_calls_of_tools_in_a_round_stand_below_its_node(tmp_path):
    says = (TextDelta(text="Forty-two."), Usage(input_tokens=1, output_tokens=1), Stop(reason="end"))
    asks = asks_for("calculator", expression="6 * 7")
    model = ScriptedModel(asks, says, asks, says)
    async with workflow_services(tmp_path, models=[model]) as services:
        output = await CountingAgain(services).execute_typed(question("Hi", model="scripted"))
    lines = [line.node for line in output.timings.nodes]
    assert {line.rpartition(".")[0] for line in lines if "tools_1" in line} == {
        "counted.1.answer.1",
        "counted.2.answer.1",
    }


async def test_a_bounded_node_cannot_spend_the_bounds_of_other_rounds(services):
    with pytest.raises(RunFailed) as failed:
        await GreedyAgain(services).execute_typed(question("Hi"))
    assert isinstance(failed.value.__cause__, CostLimitExceeded)
    assert failed.value.__cause__.node == "polished.1.answer"
    assert failed.value.__cause__.left_dollars == Decimal("0.0001")


async def test_a_loop_stops_before_a_call_once_its_budget_is_spent(services):
    limits = TenantLimits(daily_dollars=Decimal("0.0025"))
    await services.limits.set("acme", limits, now=services.now())
    with pytest.raises(RunFailed) as failed:
        await TwoStagesAgain(services).execute_typed(question("Hi", tenant_id="acme"))
    assert isinstance(failed.value.__cause__, BudgetExceeded)
