"""The base class of graphs: subclassing it compiles the plan."""

from __future__ import annotations

from typing import Any, ClassVar

from vital_shared.graph.compile import compile_plan
from vital_shared.graph.plan import Plan
from vital_shared.graph.run import Run

__all__ = ["Graph"]


class Graph:
    """Subclass it and declare methods as nodes.

    >>> class Greeting(Graph):
    ...     inputs = ("name",)
    ...
    ...     @node
    ...     async def greeting(self, name: str) -> str:
    ...         return f"Hello, {name}"

    :raises PlanError: at the definition of a subclass whose nodes do not form a graph.
    """

    inputs: ClassVar[tuple[str, ...]] = ()
    """Names of the values that come from outside."""

    plan: ClassVar[Plan]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.plan = compile_plan(cls)

    async def run(self, **inputs: Any) -> Run:
        """Run all nodes on these inputs and return the finished (or paused) run."""
        run = Run(self.plan, self, inputs)
        await run.execute()
        return run
