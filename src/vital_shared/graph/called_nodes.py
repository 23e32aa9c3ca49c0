"""Warn of nodes that call another node of their graph: the graph runs it anyway, so it would run twice."""

from __future__ import annotations

import dis
import inspect
import warnings
from collections.abc import Collection, Iterator
from types import CodeType, FunctionType
from typing import Any

from vital_shared.graph.errors import PlanWarning
from vital_shared.graph.node import place
from vital_shared.graph.plan import Plan

__all__ = ["warn_of_called_nodes"]


def warn_of_called_nodes(cls: type, plan: Plan) -> None:
    """Warn of each node that a class defines and that calls another one, by itself or in a method."""
    nodes = {node.name: node for node in plan.nodes if not node.path}
    for name, function in vars(cls).items():
        if name not in nodes or not inspect.isfunction(function):
            continue
        for called, line in _called(cls, function, nodes.keys() - {name}, {name}):
            warnings.warn_explicit(
                f"node '{cls.__name__}.{name}' ({place(function)}) calls self.{called}(…), which is a node "
                f"({nodes[called].place}) that the graph runs by itself: it runs, and is paid, twice, so "
                f"take its value as the parameter '{nodes[called].makes}', or move what both need into a "
                "method without @node",
                PlanWarning,
                function.__code__.co_filename,
                line,
            )


def _called(
    cls: type, function: FunctionType, nodes: Collection[str], seen: set[str]
) -> Iterator[tuple[str, int]]:
    """Name the nodes that a method reads of itself, or of a method that it calls, with its line."""
    for name, line in _attributes(function.__code__, next(iter(function.__code__.co_varnames), "")):
        if name in seen:
            continue
        if name in nodes:
            yield name, line
        elif inspect.isfunction(method := _method(cls, name)):
            for called, _ in _called(cls, method, nodes, seen | {name}):
                yield called, line
        seen.add(name)


def _method(cls: type, name: str) -> Any:
    """Return a method of a user's own class; ours call no nodes."""
    owner = next((base for base in cls.__mro__ if name in vars(base)), cls)
    is_ours = owner.__module__.partition(".")[0] == __name__.partition(".")[0]
    return None if is_ours else vars(owner).get(name)


def _attributes(code: CodeType, target: str) -> Iterator[tuple[str, int]]:
    """Name the attributes of a variable that code and its inner functions read, with their lines."""
    before, line = None, code.co_firstlineno
    for instruction in dis.get_instructions(code):
        if instruction.positions and instruction.positions.lineno:
            line = instruction.positions.lineno
        reads = instruction.opname in ("LOAD_ATTR", "LOAD_METHOD")
        if reads and before is not None and _loads(before, target):
            yield instruction.argval, line
        before = instruction
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and target in constant.co_freevars:
            yield from _attributes(constant, target)


def _loads(instruction: dis.Instruction, target: str) -> bool:
    """Return whether an instruction loads a variable, as its last one where it loads or stores two."""
    if "LOAD_FAST" not in instruction.opname and instruction.opname != "LOAD_DEREF":
        return False
    loaded = instruction.argval
    return bool((loaded[-1] if isinstance(loaded, tuple) else loaded) == target)
