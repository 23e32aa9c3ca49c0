"""Collections that several nodes read: what one does to its own, the others do not see."""

import asyncio
from collections import Counter, defaultdict, deque

import pytest

from vital_shared.graph import Graph, Run, fan_out, node


class Read(Graph):
    inputs = ("given",)

    @node
    async def made(self, given):
        return given

    @node
    async def spoils(self, made):
        made.clear()
        return made

    @node
    async def reads(self, made, spoils):
        return made

    @node
    async def late(self, made):
        await asyncio.sleep(0.01)
        return len(made)


@pytest.mark.parametrize(
    "given",
    [
        [1, 2],
        {1: 2, 3: 4},
        {1, 2},
        bytearray(b"ab"),
        deque([1, 2]),
        defaultdict(int, {1: 2, 3: 4}),
        Counter("ab"),
    ],
)
async def test_a_reader_that_changes_a_collection_changes_its_own(prepare, given):
    before = given.copy()
    run = prepare(Read, given=given)
    await run.execute()
    assert run.value("reads") == run.value("made") == given == before
    assert type(run.value("reads")) is type(given)
    assert run.value("late") == 2
    assert not run.value("spoils")


async def test_the_declared_types_of_readers_and_makers_change_nothing_of_it(prepare):
    class Typed(Graph):
        @node
        async def made(self) -> list[int]:
            return [3, 1, 2]

        @node
        async def sorted_here(self, made: list[int]) -> list[int]:
            made.sort()
            return made

        @node
        async def first(self, made: list[int], sorted_here: list[int] | None = None) -> int:
            return made[0]

        @fan_out("each", over="made")
        async def doubled(self, each: int, sorted_here: list[int]) -> int:
            sorted_here.append(each)
            return len(sorted_here)

    run = prepare(Typed)
    await run.execute()
    assert run.value("first") == 3
    assert run.value("made") == [3, 1, 2]
    assert run.value("sorted_here") == [1, 2, 3]


async def test_no_input_of_the_caller_is_changed():
    class Extends(Graph):
        inputs = ("messages",)

        @node
        async def longer(self, messages: list[str]) -> int:
            messages.append("more")
            return len(messages)

    mine = ["one"]
    target = Extends()
    run = Run(Extends.plan, target, {"messages": mine})
    await run.execute()
    assert (run.value("longer"), mine) == (2, ["one"])
