"""A node lets a model call tools."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest
from tests.workflows.self_llm.harness import asked, calls, says

from vital_shared import BaseWorkflow, node
from vital_shared.errors import (
    RunFailed,
)
from vital_shared.models.answer import Answer
from vital_shared.models.event import ToolFinished, ToolStarted
from vital_shared.monitoring.counted import counted
from vital_shared.tools.base import tool

# Tools, streaming, pauses


@tool(cost_dollars=Decimal("0.002"), requires_approval=False)
async def weigh(thing: str) -> str:
    """Weigh a thing."""
    return f"{thing}: [1] 12 kg"


class Weighing(BaseWorkflow):
    answer = None
    quality = None

    @node
    async def weight(self, query: str) -> str:
        return await self.llm("How heavy is it?", tools=[weigh])


async def test_tools_are_called_charged_and_seen_and_the_last_text_is_the_answer(engine):
    async with engine(calls("weigh", thing="it"), says("12 kg.")) as found:
        with counted() as growth:
            events = [event async for event in Weighing(found.services).execute_stream(asked())]
    output = events[-1].output
    assert output.values["weight"] == "12 kg."
    assert [line.node for line in output.timings.nodes if line.node.startswith("weight.")] == [
        "weight.1.model_1",
        "weight.1.tools_1",
        "weight.1.model_2",
    ]
    assert [event.type for event in events if isinstance(event, ToolStarted | ToolFinished)] == [
        "tool_started",
        "tool_finished",
    ]
    assert (output.cost.tools, output.cost.llm) == (Decimal("0.002"), Decimal("0.0003"))
    assert [result.content for result in output.tool_results] == ["it: [1] 12 kg"]
    assert growth("vital_tool_executions_total", tool="weigh", status="success") == 1
    last = found.bodies[-1]["messages"][-1]
    assert (last["role"], last["content"]) == ("tool", "it: [1] 12 kg")


async def test_a_loop_of_tools_has_its_limit(engine):
    replies = [calls("weigh", thing=f"thing {number}") for number in range(5)]
    async with engine(*replies, says("Enough.")) as found:
        output = await Weighing(found.services).execute_typed(asked())
    assert output.values["weight"] == "Enough."
    assert len(found.bodies) == 6
    assert found.bodies[-1]["tool_choice"] == "none"


async def test_a_tool_that_needs_approval_is_not_offered_where_the_user_approves(engine):
    @tool()
    async def send(text: str) -> str:
        """Send a mail."""
        raise AssertionError(text)

    class Sending(BaseWorkflow):
        answer = None
        quality = None

        @node
        async def sent(self, query: str) -> str:
            return await self.llm(query, tools=[send])

    async with engine(calls("send", text="Hi"), says("I may not.")) as found:
        output = await Sending(found.services).execute_typed(asked(mode="1"))
    assert output.values["sent"] == "I may not."
    assert "tools" not in found.bodies[0]


async def test_what_is_no_tool_is_refused_with_one_sentence(engine):
    async def weigh(thing: str) -> str:
        return thing

    class Wrong(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            return Answer(text=await self.llm(query, tools=[weigh]))

    async with engine(says("Yes.")) as found:
        with pytest.raises(RunFailed, match=r'"weigh" is not one: put @tool\(\) above it'):
            await Wrong(found.services).execute_typed(asked())


async def test_a_run_that_has_called_a_tool_which_does_more_than_read_is_not_cached(engine):
    class Answering(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            return Answer(text=await self.llm(query, tools=[weigh]))

    async with engine(
        calls("weigh", thing="it"),
        says("12 kg."),
        calls("weigh", thing="it"),
        says("12 kg."),
        cache_entries=100,
    ) as found:
        outputs = [await Answering(found.services).execute_typed(asked()) for _ in range(2)]
    assert [output.cache_status for output in outputs] == ["miss", "miss"]


@tool(requires_approval=False, read_only=True)
async def look_up(thing: str) -> str:
    """Look a thing up."""
    return f"{thing}: 12 kg"


async def test_a_run_whose_nodes_tools_only_read_is_cached(engine):
    class Answering(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            return Answer(text=await self.llm(query, tools=[look_up]))

    async with engine(calls("look_up", thing="it"), says("12 kg."), cache_entries=100) as found:
        outputs = [await Answering(found.services).execute_typed(asked()) for _ in range(2)]
    assert [output.cache_status for output in outputs] == ["miss", "hit"]


async def test_of_two_tools_of_one_name_both_have_to_read_only(engine):
    writing = dataclasses.replace(look_up, read_only=False)

    class Answering(BaseWorkflow):
        @node
        async def first(self, query: str) -> str:
            return await self.llm(query, tools=[writing])

        @node
        async def answer(self, query: str, first: str) -> Answer:
            return Answer(text=await self.llm(query, tools=[look_up]))

    async with engine(
        calls("look_up", thing="it"), says("12 kg."), says("12 kg."), cache_entries=100
    ) as found:
        output = await Answering(found.services).execute_typed(asked())
    assert output.cache_reason == "tool_with_effects"
