"""agno: a workflow of steps, nested where they run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from agno.workflow import Parallel, StepInput, StepOutput, Steps, Workflow
from agno.workflow import Step as AgnoStep

from shapes import Execute, Step, Tree

NAME = "agno"
WITHOUT: dict[str, str] = {}


async def build(tree: Tree) -> Execute:
    steps = [_part(part) for part in tree] if isinstance(tree, list) else [_part(tree)]
    workflow = Workflow(name="bench", steps=steps, telemetry=False)

    async def execute() -> Any:
        return await workflow.arun(input="now")

    return execute


def _part(tree: Tree) -> Any:
    if isinstance(tree, Step):
        return AgnoStep(name=tree.name, executor=_executor(tree))
    parts = [_part(part) for part in tree]
    return Parallel(*parts, name="parallel") if isinstance(tree, tuple) else Steps(name="steps", steps=parts)


def _executor(step: Step) -> Any:
    async def run(_step_input: StepInput) -> StepOutput:
        return StepOutput(content=await step.work())

    return run


async def stream(count: int) -> Execute:
    async def answer(_step_input: StepInput) -> AsyncIterator[Any]:
        for number in range(count):
            await asyncio.sleep(0)
            yield str(number)
        yield StepOutput(content="done")

    workflow = Workflow(name="bench", steps=[AgnoStep(name="answer", executor=answer)], telemetry=False)

    async def execute() -> None:
        async for _ in workflow.arun(input="now", stream=True):
            await asyncio.sleep(0)

    return execute
