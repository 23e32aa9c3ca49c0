"""Nodes that call another node, which the graph runs by itself."""

import asyncio
import functools
import warnings
from typing import Any

import pytest

from vital_shared import BaseWorkflow
from vital_shared.graph import Graph, PlanWarning, node


class Base(Graph):
    inputs = ("query",)

    @node
    async def words(self, query: str) -> int:
        return len(query.split())


def define(body: Any) -> None:
    """Define a graph in which a node does this."""

    class Calls(Base):
        answer = node(body)


async def plainly(self, query: str) -> int:
    return await self.words(query)


async def gathered(self, query: str) -> int:
    return sum(await asyncio.gather(*(self.words(each) for each in query)))


async def in_a_comprehension(self, query: str) -> int:
    return sum([await self.words(each) for each in query])


async def in_a_function(self, query: str) -> int:
    async def counted() -> int:
        return await self.words(query)

    return await counted()


async def as_a_part(self, query: str) -> int:
    return await functools.partial(self.words, query)()


@pytest.mark.parametrize("body", [plainly, gathered, in_a_comprehension, in_a_function, as_a_part])
def test_a_node_that_calls_another_one_is_warned_of(body):
    body.__name__ = "answer"
    with pytest.warns(
        PlanWarning, match=r"node 'Calls\.answer' \(test_called_nodes\.py:\d+\) calls self\.words"
    ):
        define(body)


def test_the_sentence_names_the_way_and_its_line_is_that_of_the_call():
    with pytest.warns(PlanWarning) as caught:

        class Calls(Base):
            @node
            async def answer(self, query: str) -> int:
                found = len(query)
                return found + await self.words(query)

    (warned,) = caught
    assert warned.lineno == Calls.answer.__code__.co_firstlineno + 3
    assert "take its value as the parameter 'words'" in str(warned.message)
    assert "method without @node" in str(warned.message)
    assert "\n" not in str(warned.message)


def test_one_that_is_called_by_way_of_a_method_is_seen_too():
    with pytest.warns(PlanWarning, match=r"'Calls\.answer' .* calls self\.words"):

        class Calls(Base):
            @node
            async def answer(self, query: str) -> int:
                return await self._counted(query)

            async def _counted(self, query: str) -> int:
                return await self.words(query)


def test_what_is_meant_is_not_warned_of():
    """A node's own method of a base, itself, plain methods, and attributes of other objects."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")

        class Calls(Base):
            async def words(self, query: str) -> int:
                return await super().words(query) + await Base.words(self, query)

            @node
            async def answer(self, query: str, words: int) -> int:
                return words + await self._counted(query) + (await self.answer("", 0) if query else 0)

            @node
            async def other(self, query: str) -> str:
                return query.words if hasattr(query, "words") else ""

            async def _counted(self, query: str) -> int:
                return len(query)

        class Dropped(Base):
            words = None

            @node
            async def answer(self, query: str) -> object:
                return self.words

        class Own(BaseWorkflow):
            @node
            async def more(self, query: str) -> str:
                return query.upper()

    assert caught == []
