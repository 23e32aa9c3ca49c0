"""A call of `self.llm` that nobody awaits is noticed: it is no text, and no value of a node."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from tests.workflows.self_llm.harness import asked, says

from vital_shared import RunFailed, Workflow, node

NOT_AWAITED = (
    r"self\.llm\(…\) is not awaited \(test_not_awaited\.py:\d+\), and has no text yet: write await in front"
)


class Formatted(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return f"The model says: {self.llm(query)}"


class Joined(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return "The model says: " + str(self.llm(query))


class Yielded(Workflow):
    @node
    async def answer(self, query: str):
        yield f"{self.llm(query)}"


class InAThread(Workflow):
    @node
    def answer(self, query: str) -> str:
        return " ".join(map(str, [self.llm(query)]))


@pytest.mark.parametrize("kind", [Formatted, Joined, Yielded, InAThread])
async def test_a_text_that_holds_one_fails_the_run_with_its_line(engine, kind):
    async with engine() as found:
        with pytest.raises(RunFailed, match=NOT_AWAITED):
            await kind(found.services).execute_typed(asked())
        assert found.bodies == []


class Returned(Workflow):
    @node
    async def answer(self, query: str) -> Any:
        return self.llm(query)


async def test_a_node_that_returns_one_is_told_to_await_it(engine):
    async with engine() as found:
        with pytest.raises(RunFailed, match=r"returned a coroutine: write await in front of self\.llm\(…\)"):
            await Returned(found.services).execute_typed(asked())


class Dropped(Workflow):
    @node
    async def answer(self, query: str) -> str:
        self.llm(query)
        return "done"


async def test_one_that_is_dropped_is_warned_of_at_its_line(engine):
    async with engine() as found:
        sentence = re.escape("self.llm(…) was never awaited, and did nothing: write await in front of it")
        with pytest.warns(RuntimeWarning, match=sentence) as caught:
            await Dropped(found.services).execute_typed(asked())
    assert caught[0].filename == __file__


class AtOnce(Workflow):
    @node
    async def answer(self, query: str) -> str:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(self.llm(query))
            second = group.create_task(self.llm(query))
        third, fourth = await asyncio.gather(self.llm(query), asyncio.wait_for(self.llm(query), 30))
        return f"{first.result()} {second.result()} {third} {fourth}"


async def test_they_are_made_tasks_of_gathered_and_waited_for_as_before(engine):
    async with engine(*[says("yes")] * 4) as found:
        output = await AtOnce(found.services).execute_typed(asked())
    assert output.response == "yes yes yes yes"
