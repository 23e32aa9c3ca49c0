"""The price of planned tool calls is held like that of the models' calls beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal

import pytest

from vital_shared import BaseWorkflow, node, tool
from vital_shared.errors import CostLimitExceeded
from vital_shared.graph import Outcome
from vital_shared.llm.base import CallStarted, ModelEvent, ModelRequest, Stop, TextDelta, Usage
from vital_shared.models.answer import ToolPlan
from vital_shared.models.tool import ToolCall, ToolRequest, ToolResult
from vital_shared.testing import question, workflow_services

LIMIT = Decimal("0.0025")
"""Enough for the tool or a call of the model, and not for both."""


class Signals:
    """The gate at which one run's tool, model and nodes wait."""

    def __init__(self) -> None:
        self.tool_begun = asyncio.Event()
        self.tool_may_end = asyncio.Event()
        self.model_begun = asyncio.Event()
        self.model_may_end = asyncio.Event()


SIGNALS: list[Signals] = []
"""Those of the test at work, the last one."""


@tool(cost_dollars=Decimal("0.002"), requires_approval=False)
async def weigh(thing: str) -> str:
    """Weigh a thing."""
    SIGNALS[-1].tool_begun.set()
    await SIGNALS[-1].tool_may_end.wait()
    return f"{thing}: 12 kg"


class Dear:
    """A model for ten dollars a million tokens."""

    name = "dear"
    calls_tools = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        yield CallStarted(prompt="own", input_tokens=1, max_output_tokens=100)
        SIGNALS[-1].model_begun.set()
        await SIGNALS[-1].model_may_end.wait()
        yield TextDelta(text="Yes.")
        yield Usage(input_tokens=1, output_tokens=99)
        yield Stop(reason="end")


class WithoutModels(BaseWorkflow):
    quality = None
    model_suggestion = None

    @node
    async def note(self, query: str) -> str:
        return query

    @node
    async def answer(self, note: str) -> str:
        return note


class BesideTool(WithoutModels):
    @node
    async def note(self, query: str) -> str:
        signals = SIGNALS[-1]
        await signals.tool_begun.wait()
        signals.model_may_end.set()
        try:
            return await self.llm(query, max_tokens=100)
        except CostLimitExceeded:
            return "too dear"
        finally:
            signals.tool_may_end.set()


class BesideModel(WithoutModels):
    @node
    async def approved_tools(self, tool_plan: ToolPlan) -> tuple[ToolCall, ...]:
        await SIGNALS[-1].model_begun.wait()
        SIGNALS[-1].tool_may_end.set()
        return tool_plan.approved

    @node
    async def note(self, query: str, tool_plan: ToolPlan) -> str:
        return await self.llm(query, max_tokens=100)

    @node
    async def end_of_model(self, tools: tuple[Outcome[ToolResult], ...]) -> int:
        SIGNALS[-1].model_may_end.set()
        return len(tools)


@pytest.fixture
async def services(tmp_path):
    SIGNALS.append(Signals())
    config = tmp_path / "vital.toml"
    config.write_text('[models."dear"]\nprice = { input = "10", output = "10" }\n')
    async with workflow_services(
        tmp_path, models=[Dear()], tools=[weigh], model="dear", config=config
    ) as found:
        yield found
    SIGNALS.pop()


async def run(workflow, services):
    requests = (ToolRequest(name="weigh", arguments={"thing": "stone"}),)
    asked = question("Hi", requested_tools=requests, enable_rag=False, max_cost_dollars=LIMIT)
    return await workflow(services).execute_typed(asked)


async def test_a_call_of_a_model_does_not_get_the_money_of_a_tool_under_way(services):
    output = await run(BesideTool, services)
    assert (output.response, [each.status for each in output.tool_results]) == ("too dear", ["success"])
    assert output.cost.total == Decimal("0.002")


async def test_a_planned_tool_does_not_get_the_money_of_a_call_under_way(services):
    output = await run(BesideModel, services)
    assert (output.response, [each.status for each in output.tool_results]) == ("Yes.", ["denied"])
    assert output.tool_results[0].error == "it would have cost more than max_cost_dollars allows"
    assert output.cost.total == Decimal("0.001")
