"""The graphs that all engines run, as trees: a list is one after another, a tuple at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

Execute = Callable[[], Awaitable[Any]]
"""Runs a graph once."""


@dataclass(frozen=True)
class Step:
    """A node that waits for some seconds, or does nothing."""

    name: str
    seconds: float = 0.0

    async def work(self) -> str:
        if self.seconds:
            await asyncio.sleep(self.seconds)
        return self.name


Tree = Step | list["Tree"] | tuple["Tree", ...]


@dataclass(frozen=True)
class Needs:
    """A step, and those right before it."""

    step: Step
    needs: tuple[str, ...]


def flat(tree: Tree) -> list[Needs]:
    """Turn a tree into steps with what they need, each after what it needs."""
    return list(_flat(tree, ()))


def _flat(tree: Tree, before: tuple[str, ...]) -> Iterator[Needs]:
    if isinstance(tree, Step):
        yield Needs(tree, before)
    elif isinstance(tree, tuple):
        for branch in tree:
            yield from _flat(branch, before)
    else:
        for part in tree:
            yield from _flat(part, before)
            before = tuple(last(part))


def last(tree: Tree) -> list[str]:
    """Name the steps that nothing comes after."""
    if isinstance(tree, Step):
        return [tree.name]
    if isinstance(tree, tuple):
        return [name for branch in tree for name in last(branch)]
    return last(tree[-1])


def diamond() -> Tree:
    return [Step("a"), (Step("b"), Step("c")), Step("d")]


def wide(width: int) -> Tree:
    return [Step("first"), tuple(Step(f"n{number}") for number in range(width)), Step("last")]


def chain(length: int) -> Tree:
    return [Step(f"n{number}") for number in range(length)]


def answering() -> Tree:
    """The graph of every question: agent, retrieval and tools, then the model; 200 ms."""
    three = (Step("load_agent", 0.020), Step("rag", 0.150), Step("tools", 0.080))
    return [three, Step("llm", 0.050)]


def skewed() -> Tree:
    """A fast start with a slow end beside a slow start with a fast end; 110 ms without a barrier."""
    branches = (
        [Step("short", 0.010), Step("after_short", 0.100)],
        [Step("long", 0.100), Step("after_long", 0.010)],
    )
    return [branches, Step("join")]


def enrichment() -> Tree:
    """Three sources of 200, 1500 and 800 ms."""
    return (Step("agent", 0.200), Step("sources", 1.500), Step("suggestion", 0.800))
