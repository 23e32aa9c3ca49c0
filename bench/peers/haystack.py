"""Haystack: components with typed sockets, in a pipeline."""

from __future__ import annotations

from typing import Any

from haystack import Pipeline, component

from shapes import Execute, Step, Tree, flat

NAME = "Haystack"
WITHOUT = {"stream": "a component hands its chunks to a callback itself"}


@component
class StepComponent:
    """One step as a component."""

    def __init__(self, step: Step, needs: tuple[str, ...]) -> None:
        self.step = step
        component.set_input_types(self, **dict.fromkeys(needs or ("start",), str))
        component.set_output_types(self, value=str)

    def run(self, **_values: Any) -> dict[str, str]:
        raise NotImplementedError

    async def run_async(self, **_values: Any) -> dict[str, str]:
        return {"value": await self.step.work()}


async def build(tree: Tree) -> Execute:
    pipeline = Pipeline()
    steps = flat(tree)
    for one in steps:
        pipeline.add_component(one.step.name, StepComponent(one.step, one.needs))
    for one in steps:
        for name in one.needs:
            pipeline.connect(f"{name}.value", f"{one.step.name}.{name}")
    data = {one.step.name: {"start": "now"} for one in steps if not one.needs}

    async def execute() -> Any:
        return await pipeline.run_async(data, concurrency_limit=len(steps))

    return execute
