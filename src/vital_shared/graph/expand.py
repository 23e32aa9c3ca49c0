"""Replace sub-workflows with their nodes, under unique names."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from vital_shared.graph.errors import PlanError
from vital_shared.graph.node import Declaration
from vital_shared.graph.node_spec import NodeSpec, collect
from vital_shared.graph.subworkflow import WHOLE_INPUT, Loop, Subworkflow
from vital_shared.graph.value_fit import fits, shown_type

__all__ = ["all_specs"]


def all_specs(cls: Any) -> tuple[dict[str, NodeSpec], set[str], tuple[Subworkflow, ...]]:
    """Find the nodes of a class, those of its sub-workflows and its loops included.

    Return them by name, the values that nobody makes any more, and its sub-workflows and loops.

    :raises PlanError: when a node by itself is wrong, or a part has no value or gets what it does not take.
    """
    specs, dropped, parts = collect(cls)
    outer = {*getattr(cls, "inputs", ()), *(spec.declaration.makes for spec in specs.values()), *parts}
    for name, part in parts.items():
        for spec in _Part(cls, name, part, outer).specs():
            specs[spec.name] = spec
    return specs, dropped, tuple(parts.values())


class _Part:
    """One sub-workflow of a class."""

    def __init__(self, cls: type, name: str, part: Subworkflow, outer: set[str]) -> None:
        self._cls = cls
        self._name = name
        self._part = part
        self._graph: Any = part.graph
        self._title = f"sub-workflow '{cls.__name__}.{name}' ({part.graph.__name__})"
        self._inner = all_specs(part.graph)[0]
        self._made = {spec.declaration.makes for spec in self._inner.values()}
        self._outer = outer
        self._check_inputs()
        self._value: str = self._graph.plan.outcome
        if not self._value:
            raise PlanError(f"{self._title} has no value: name the node that makes it result, or answer")

    def specs(self) -> Iterator[NodeSpec]:
        """Return its nodes: its own ones, or the one that repeats them."""
        if self._part.loop is not None:
            yield self._loop(self._part.loop)
            return
        for spec in self._inner.values():
            yield self._renamed(spec)
        if self._reads_whole():
            yield self._whole_input()

    def _check_inputs(self) -> None:
        loop = self._part.loop
        for name in (*self._part.inputs, *((loop.carry,) if loop else ())):
            if name not in self._graph.inputs:
                close = difflib.get_close_matches(name, self._graph.inputs, n=1)
                hint = f": did you mean '{close[0]}'?" if close else ""
                raise PlanError(f"{self._title} is given '{name}', which is not one of its inputs{hint}")

    def _reads_whole(self) -> bool:
        return any(name == WHOLE_INPUT for spec in self._inner.values() for name, _ in spec.wanted())

    def _own_inputs(self) -> dict[str, str]:
        """Return the outer values that its inputs are, but for outer inputs of the same name."""
        inputs = getattr(self._cls, "inputs", ())
        named = {name: name for name in self._graph.inputs if name in self._outer and name not in inputs}
        return named | dict(self._part.inputs)

    # As nodes of the outer graph

    def _renamed(self, spec: NodeSpec) -> NodeSpec:
        declared = spec.declaration
        each = declared.each and replace(declared.each, over=self._outer_name(declared.each.over))
        declaration = replace(
            declared,
            makes=self._outer_name(declared.makes),
            each=each,
            degradation=declared.degradation or f"{declared.makes}_failed",
        )
        return NodeSpec(
            f"{self._name}.{spec.name}",
            spec.owner,
            spec.function,
            declaration,
            tuple(self._with_default(spec, parameter) for parameter in spec.parameters),
            values={p.name: self._outer_name(spec.source(p)) for p in spec.parameters},
            cls=spec.cls or self._graph,
            path=(self._name, *spec.path),
            loop_over=spec.loop_over,
            within=self._title,
        )

    def _outer_name(self, value: str) -> str:
        if value == self._value:
            return self._name
        is_input = value in self._graph.inputs and value != WHOLE_INPUT
        return self._part.inputs.get(value, value) if is_input else f"{self._name}.{value}"

    def _with_default(self, spec: NodeSpec, parameter: inspect.Parameter) -> inspect.Parameter:
        """Give a parameter the default of the input that it reads, where nothing outside has that name."""
        source = spec.source(parameter)
        defaults = self._graph.input_defaults
        is_given = source in self._part.inputs or source in self._outer or source in self._made
        if is_given or source not in defaults or parameter.default is not parameter.empty:
            return parameter
        return parameter.replace(default=defaults[source])

    def _whole_input(self) -> NodeSpec:
        """Make the node that makes its whole input, of the outer one and the values that it is given."""
        values = self._own_inputs()
        parameters = [_parameter(WHOLE_INPUT), *(_parameter(name) for name in values)]
        graph = self._graph

        async def whole_input(_target: Any, outer: Any, *given: Any) -> Any:
            return graph.whole_input(outer, dict(zip(values, given, strict=True)))

        whole_input.__annotations__["return"] = graph.input_types.get(WHOLE_INPUT, Any)
        return NodeSpec(
            f"{self._name}.{WHOLE_INPUT}",
            self._graph.__name__,
            whole_input,
            Declaration(f"{self._name}.{WHOLE_INPUT}"),
            tuple(parameters),
            values=values,
            cls=self._graph,
            within=self._title,
            origin=self._code(),
        )

    def _code(self) -> Callable[..., Any]:
        """Return code of the part's author, for messages about what we do with the part."""
        return next(iter(self._inner.values())).function

    # As a loop

    def _loop(self, loop: Loop) -> NodeSpec:
        self._check_loop(loop)
        value, graph = self._value, self._graph
        reads = dict.fromkeys(name for name in (*graph.plan.inputs, loop.carry) if name != WHOLE_INPUT)
        values = {name: self._part.inputs.get(name, name) for name in reads} | self._own_inputs()
        known = {name: outer for name, outer in values.items() if self._is_known(name, outer)}
        whole = {WHOLE_INPUT: WHOLE_INPUT} if WHOLE_INPUT in graph.plan.inputs else {}
        names = (*known, *whole)

        def first_inputs(_target: Any, *given: Any) -> dict[str, Any]:
            return dict(graph.input_defaults) | dict(zip(names, given, strict=True))

        first_inputs.__annotations__["return"] = graph.plan.made_type(value)
        effects = [node.declaration for node in graph.plan.nodes if node.declaration.effects]
        fails = any(declared.if_interrupted == "fail" for declared in effects)
        return NodeSpec(
            self._name,
            self._cls.__name__,
            first_inputs,
            Declaration(
                self._name,
                effects=bool(effects),
                if_interrupted="fail" if fails else "ask",
                loop=loop,
                max_cost_dollars=self._max_cost(loop),
            ),
            tuple(_parameter(name) for name in names),
            values=known | whole,
            cls=self._graph,
            path=(self._name,),
            loop_over=graph,
            within=self._title,
            origin=loop.until if inspect.isfunction(loop.until) else self._code(),
        )

    def _is_known(self, name: str, outer: str) -> bool:
        """Return whether an input is given from outside; an error names it later where nothing gives it."""
        return outer in self._outer or name in self._part.inputs or name not in self._graph.input_defaults

    def _check_loop(self, loop: Loop) -> None:
        pausing = next((each for each in self._graph.plan.nodes if each.declaration.pauses), None)
        if pausing is not None:
            raise PlanError(
                f"{self._title} is a loop, and its node '{pausing.name}' pauses: a loop cannot wait for an "
                "answer, so pause before it or behind it"
            )
        made, read = self._graph.plan.made_type(self._value), self._graph.input_types.get(loop.carry, Any)
        if not fits(made, read):
            raise PlanError(
                f"{self._title} makes {shown_type(made)}, and carries it into '{loop.carry}', which is "
                f"{shown_type(read)}: declare one type for both"
            )

    def _max_cost(self, loop: Loop) -> Any:
        bounds = [node.declaration.max_cost_dollars for node in self._graph.plan.nodes]
        known = [bound for bound in bounds if bound is not None]
        return loop.limit * sum(known[1:], known[0]) if known else None


def _parameter(name: str) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
