"""The shapes as VITAL runs them, with an observer that counts what a metric would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from floor import LIMIT
from shapes import Execute, Needs, Tree, flat
from vital_shared.graph import Done, Graph, Node, NodeStatus, Observer, Run, node


class Counting(Observer):
    """Counts nodes and their seconds, as metrics do."""

    def __init__(self) -> None:
        self.running = 0
        self.seconds = 0.0

    def node_started(self, _run: Run, _of: Node) -> None:
        self.running += 1

    def node_finished(
        self, _run: Run, _of: Node, _status: NodeStatus, seconds: float, _error: BaseException | None
    ) -> None:
        self.running -= 1
        self.seconds += seconds


def build(tree: Tree, timeout: float | None = None, *, sequential: bool = False) -> Execute:
    """Make the class of a tree, and what runs it."""
    methods = {one.step.name: node(timeout=timeout)(_method(one)) for one in flat(tree)}
    graph = type("Drawn", (Graph,), methods)
    target, observers = graph(), (Counting(),)

    async def execute() -> Run:
        run = Run(graph.plan, target, {}, observers=observers, sequential=sequential)
        await run.execute()
        return run

    return execute


def _method(one: Needs) -> Any:
    """Write the method out as a person would: its parameters are what it needs."""
    name = one.step.name
    body = "await asyncio.sleep(seconds); " if one.step.seconds else ""
    scope: dict[str, Any] = {"asyncio": asyncio, "seconds": one.step.seconds}
    exec(f"async def {name}({', '.join(('self', *one.needs))}): {body}return {name!r}", scope)
    return scope[name]


class Streaming(Graph):
    inputs = ("count",)

    @node
    async def answer(self, count: int) -> AsyncIterator[int | Done[int]]:
        for number in range(count):
            await asyncio.sleep(0)
            yield number
        yield Done(count)


def stream(count: int) -> Execute:
    """A node that streams, and a reader at the other end of a queue."""
    target, observers = Streaming(), (Counting(),)

    async def work(chunks: asyncio.Queue[int | None]) -> None:
        async def deliver(_of: Node, chunk: int, _item: int | None) -> None:
            await chunks.put(chunk)

        run = Run(Streaming.plan, target, {"count": count}, observers=observers, deliver=deliver)
        try:
            await run.execute()
        finally:
            await chunks.put(None)

    async def execute() -> None:
        chunks: asyncio.Queue[int | None] = asyncio.Queue(LIMIT)
        async with asyncio.TaskGroup() as group:
            group.create_task(work(chunks))
            while await chunks.get() is not None:  # noqa: ASYNC110 - it waits for a chunk
                await asyncio.sleep(0)

    return execute
