"""The base class of graphs: subclassing it compiles the plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from vital_shared.graph.behind_done import warn_of_lines_behind_done
from vital_shared.graph.called_nodes import warn_of_called_nodes
from vital_shared.graph.compile import compile_plan
from vital_shared.graph.look_alikes import warn_of_look_alikes
from vital_shared.graph.observer import Observer, check_observers, own_observers
from vital_shared.graph.plan import Plan
from vital_shared.graph.run import Run

__all__ = ["Graph"]


class Graph:
    """The base class of graphs: subclass it and declare methods as nodes.

    >>> class Greeting(Graph):
    ...     inputs = ("name",)
    ...
    ...     @node
    ...     async def greeting(self, name: str) -> str:
    ...         return f"Hello, {name}"

    :raises PlanError: when a subclass is defined whose nodes do not form a graph.
    """

    inputs: ClassVar[tuple[str, ...]] = ()
    """Names of the inputs: values that no node makes."""

    input_types: ClassVar[Mapping[str, Any]] = {}
    """The types of the inputs, if known; nodes that read them as other types are refused."""

    input_defaults: ClassVar[Mapping[str, Any]] = {}
    """The defaults of inputs that another graph need not pass when this graph is a part of it."""

    observers: Sequence[Observer] = ()
    """Observers of every run, for a class or for one object, in addition to the engine's own."""

    plan: ClassVar[Plan]

    def __init_subclass__(cls, *, methods: Collection[str] = (), **kwargs: Any) -> None:
        """Compile the plan.

        :param methods: names of public methods that are not nodes, although their parameters look like it.
        """
        super().__init_subclass__(**kwargs)
        cls.plan = compile_plan(cls)
        check_observers(cls.__name__, cls.observers)
        warn_of_look_alikes(cls, cls.plan, cls.inputs, methods)
        if cls.__module__.partition(".")[0] != __name__.partition(".")[0]:  # ours are tested for it
            warn_of_called_nodes(cls, cls.plan)
            warn_of_lines_behind_done(cls, cls.plan)

    @classmethod
    def whole_input(cls, outer: Any, values: Mapping[str, Any]) -> Any:  # noqa: ARG003 - for subclasses
        """Return the input object of this graph when it is a part of another one.

        :param outer: the input object of the other graph.
        :param values: inputs that replace those of the other graph.
        """
        return outer

    def part_object(self, graph: type[Graph]) -> Graph:
        """Create the object that runs a part of this graph."""
        return graph()

    async def run(self, **inputs: Any) -> Run:
        """Run all nodes with these inputs, and return the finished or paused run."""
        run = Run(self.plan, self, inputs, observers=own_observers(self))
        await run.execute()
        return run
