"""The node that holds the event loop up is named, with its line."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from ai_engine.background.loop_watch import LoopWatch
from vital_shared.graph import Done, Graph, fan_out, node

HELD_SECONDS = 2.5


def hold() -> None:
    time.sleep(HELD_SECONDS)


class Plain(Graph):
    @node
    async def slow(self) -> int:
        time.sleep(HELD_SECONDS)  # noqa: ASYNC251 - the mistake itself
        return 1


class Timed(Graph):
    @node(timeout=60)
    async def slow(self) -> int:
        hold()
        return 1


class Streams(Graph):
    @node
    async def slow(self) -> AsyncIterator[int | Done[int]]:
        yield 1
        hold()
        yield Done(1)


class Fans(Graph):
    inputs = ("items",)

    @fan_out("each", over="items")
    async def slow(self, each: int) -> int:
        hold()
        return each


class Threaded(Graph):
    @node
    def slow(self) -> int:
        hold()
        return 1


async def warnings_of(graph: Graph, **inputs: object) -> list[dict[str, object]]:
    async def beats(watch: LoopWatch) -> None:
        while True:
            watch.beat()
            await asyncio.sleep(0.05)

    with capture_logs() as logs, LoopWatch() as watch:
        beating = asyncio.create_task(beats(watch))
        await asyncio.sleep(0)
        await graph.run(**inputs)
        beating.cancel()
        await asyncio.wait([beating])
    return [line for line in logs if line["event"] == "event_loop_blocked"]


@pytest.mark.parametrize(
    ("graph", "inputs"), [(Plain, {}), (Timed, {}), (Streams, {}), (Fans, {"items": (1,)})]
)
async def test_a_node_that_holds_the_loop_up_is_named_once(graph, inputs):
    (line,) = await warnings_of(graph(), **inputs)
    lines, first = inspect.getsourcelines(graph.slow)
    place = str(line["place"])
    number = int(place.removeprefix("test_loop_watch.py:"))
    assert (line["node"], line["log_level"]) == ("slow", "warning")
    assert first <= number < first + len(lines) or number == inspect.getsourcelines(hold)[1] + 1
    assert "in a thread" in str(line["hint"])


async def test_a_node_in_a_thread_holds_nobody_up():
    assert await warnings_of(Threaded()) == []
