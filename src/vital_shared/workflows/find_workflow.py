"""Find a custom workflow class that can be run, by its name."""

from __future__ import annotations

from typing import Any

from vital_shared.errors import InvalidRequest
from vital_shared.workflows.constructors import constructor_fault
from vital_shared.workflows.find_graph import find_graph
from vital_shared.workflows.workflow import Workflow

__all__ = ["find_workflow"]


def find_workflow(target: str) -> type[Workflow[Any, Any]]:
    """Import a class.

    :param target: ``module:Class``, or ``file.py:Class``.
    :raises InvalidRequest: when there is no such class, it is no workflow, its module cannot be imported, or
        no object of it can be made with services alone.
    :raises PlanError: when the class does not describe a graph.
    """
    found = find_graph(target)
    if not issubclass(found, Workflow):
        raise InvalidRequest(f"{target} cannot be run by itself: name a subclass of vital_shared.Workflow.")
    if fault := constructor_fault(found):
        raise InvalidRequest(f"{target} cannot be run by itself: {fault}")
    return found
