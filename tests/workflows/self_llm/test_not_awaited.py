"""A call of `self.llm` that nobody awaits is noticed: it is no text, and no value of a node."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from pydantic import BaseModel
from tests.workflows.self_llm.harness import asked, says

from vital_shared import RunFailed, Workflow, WorkflowInput, node, repeat

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


class JoinedList(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return " ".join([self.llm(query), self.llm(query)])


class Stripped(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return self.llm(query).strip()


class IteratedOver(Workflow):
    @node
    async def answer(self, query: str):
        async for piece in self.llm(query, stream=True):
            yield piece


class AwaitedAsAList(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return " ".join(await [self.llm(query)])


class Length(BaseModel):
    length: int


class Filled(Workflow[WorkflowInput, Length]):
    @node
    async def result(self, query: str) -> Length:
        return Length(length=self.llm(query, output=int))


class RoundOf(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return self.llm(query).strip()


class InALoop(Workflow):
    text = repeat(RoundOf, carry="query", until=bool, limit=2)

    @node
    async def answer(self, text: str) -> str:
        return text


@pytest.mark.filterwarnings("ignore:self.llm")  # those that are dropped before the node fails
@pytest.mark.parametrize(
    "kind",
    [JoinedList, Stripped, IteratedOver, AwaitedAsAList, Filled, InALoop],
    ids=lambda kind: kind.__name__,
)
async def test_one_that_is_used_as_a_value_fails_the_run_with_its_line(engine, kind):
    sentence = r"self\.llm\(…\) is not awaited \(test_not_awaited\.py:\d+\), and has no value yet: write await in front"
    async with engine() as found:
        with pytest.raises(RunFailed, match=sentence):
            await kind(found.services).execute_typed(asked())
        assert found.bodies == []


class Condition(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return "yes" if self.llm(query, output=bool) else "no"


async def test_a_condition_is_told_to_await_it(engine):
    async with engine() as found:
        with pytest.raises(
            RunFailed, match=r"not awaited .*, and is neither true nor false yet: write await"
        ):
            await Condition(found.services).execute_typed(asked())


class ListOfCalls(Workflow):
    @node
    async def parts(self, query: str) -> list[Any]:
        return [self.llm(query) for _ in range(3)]

    @node
    async def answer(self, parts: list[Any]) -> str:
        return f"{len(parts)} parts"


class MappingOfCalls(Workflow):
    @node
    async def parts(self, query: str) -> dict[str, Any]:
        return {"first": self.llm(query)}

    @node
    async def answer(self, parts: dict[str, Any]) -> str:
        return f"{len(parts)} parts"


class ListOfHelpers(Workflow):
    @node
    async def parts(self, query: str) -> tuple[Any, ...]:
        return tuple(self._ask(query) for _ in range(3))

    async def _ask(self, query: str) -> str:
        return await self.llm(query)

    @node
    async def answer(self, parts: tuple[Any, ...]) -> str:
        return f"{len(parts)} parts"


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        (ListOfCalls, r"list of coroutines: write await asyncio.gather\(…\) around the calls of self.llm"),
        (MappingOfCalls, r"dict of coroutines: write .* around the calls of self.llm"),
        (ListOfHelpers, r"tuple of coroutines: write .* around the calls of _ask"),
    ],
)
async def test_a_collection_of_calls_is_no_value(engine, kind, made):
    async with engine() as found:
        with pytest.raises(RunFailed, match=rf"node 'parts' \(test_not_awaited.py:\d+\) returned a {made}"):
            await kind(found.services).execute_typed(asked())
        assert found.bodies == []


class AwaitedTwice(Workflow):
    @node
    async def answer(self, query: str) -> str:
        call = self.llm(query)
        return await call + await call


async def test_one_that_is_awaited_twice_says_so(engine):
    async with engine(says("yes")) as found:
        with pytest.raises(
            RunFailed, match=r"awaited twice \(test_not_awaited.py:\d+\): await it once, and keep"
        ):
            await AwaitedTwice(found.services).execute_typed(asked())


class Beside(Workflow):
    @node
    async def answer(self, query: str) -> str:
        made = [self.llm(query) for _ in range(200)]
        texts = await asyncio.gather(*made[:100])
        del made
        return str(len(texts)) + None


@pytest.mark.filterwarnings("ignore:self.llm")  # those that are dropped before the node fails
async def test_of_many_calls_those_that_are_not_awaited_are_found(engine):
    async with engine(*[says("yes")] * 100) as found:
        with pytest.raises(RunFailed, match=r"self\.llm\(…\) is not awaited"):
            await Beside(found.services).execute_typed(asked())


class WithAFaultOfItsOwn(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return await self.llm(query) + None


async def test_another_fault_of_a_node_that_awaits_its_calls_is_its_own(engine):
    async with engine(says("yes")) as found:
        with pytest.raises(RunFailed, match=r'The run failed in "answer": TypeError$'):
            await WithAFaultOfItsOwn(found.services).execute_typed(asked())


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
