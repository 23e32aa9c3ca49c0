"""LangGraph: a state of channels, and steps between barriers."""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph

from shapes import Execute, Step, Tree, flat, last

NAME = "LangGraph"
WITHOUT: dict[str, str] = {}


async def build(tree: Tree) -> Execute:
    steps = flat(tree)
    # A value of its own for each node, under another name than the node's, as it wants.
    graph: Any = StateGraph(TypedDict("State", {f"{one.step.name}_value": str for one in steps}, total=False))
    for one in steps:
        graph.add_node(one.step.name, _node(one.step))
        graph.add_edge(list(one.needs) or START, one.step.name)
    for name in last(tree):
        graph.add_edge(name, END)
    compiled = graph.compile()

    async def execute() -> Any:
        return await compiled.ainvoke({}, {"recursion_limit": 1000})

    return execute


def _node(step: Step) -> Any:
    async def run(_state: Any) -> dict[str, str]:
        return {f"{step.name}_value": await step.work()}

    return run


async def stream(count: int) -> Execute:
    async def answer(_state: Any) -> dict[str, str]:
        write = get_stream_writer()
        for number in range(count):
            await asyncio.sleep(0)
            write(number)
        return {"value": "done"}

    graph: Any = StateGraph(TypedDict("State", {"value": str}, total=False))
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    compiled = graph.compile()

    async def execute() -> None:
        async for _ in compiled.astream({}, stream_mode="custom"):
            await asyncio.sleep(0)

    return execute
