"""Find a user's workflow class, and describe its plan as text."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

from vital_shared.errors import InvalidRequest
from vital_shared.graph import Graph, GraphError, Node, Plan

__all__ = ["describe", "find_graph"]

MODULE_PREFIX: Final = "vital_target_"
"""Prefix of the names of modules imported from a file, so that none takes the place of another module."""


def find_graph(target: str) -> type[Graph]:
    """Import a class.

    :param target: ``module:Class``, or ``file.py:Class``.
    :raises InvalidRequest: when there is no such class, or its module cannot be imported.
    :raises PlanError: when the class does not describe a graph.
    """
    place, colon, name = target.rpartition(":")
    if not colon:
        raise InvalidRequest(f"{target} names no class: write module:Class, or file.py:Class.")
    found = getattr(_module(place), name, None)
    if not (isinstance(found, type) and issubclass(found, Graph) and hasattr(found, "plan")):
        problem = "does not exist" if found is None else "is not a workflow"
        raise InvalidRequest(f"{target} {problem}: name a subclass of vital_shared.BaseWorkflow.")
    return found


def _module(place: str) -> ModuleType:
    try:
        return _from_file(Path(place)) if place.endswith(".py") else _from_path(place)
    except GraphError:
        raise
    except Exception as error:  # a module may raise anything while it is imported
        reason = f"{type(error).__name__}: {error}"
        raise InvalidRequest(f"{place} cannot be imported ({reason}).") from error


def _from_path(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # the current folder, as `python -m` has it
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    name = f"{MODULE_PREFIX}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pydantic look up annotations
    spec.loader.exec_module(module)
    return module


def describe(plan: Plan) -> str:
    """Describe the plan in lines: each node with the values it needs, and how it is run."""
    names = {slot: name for name, slot in plan.slots.items()}
    rows = [(node.name, _traits(node), ", ".join(names[slot] for slot in node.slots)) for node in plan.nodes]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"{node:<{first}}  {traits:<{second}}  <- {needs}".rstrip() for node, traits, needs in rows]
    return "\n".join([f"{plan.name}({', '.join(plan.inputs)})", "", *lines]) + "\n"


def _traits(node: Node) -> str:
    return ", ".join(_all_traits(node))


def _all_traits(node: Node) -> Iterator[str]:
    declared = node.declaration
    if declared.optional:
        yield "optional"
    if node.kind != "async":
        yield node.kind
    if declared.pauses:
        yield "pauses"
    if declared.each is not None:
        yield f"for each of {declared.each.over}"
    if declared.timeout is not None:
        yield f"at most {declared.timeout:g} s"
    if declared.retry is not None:
        yield f"{declared.retry.attempts} attempts"
    if declared.fallback is not None:
        yield "with a fallback"
