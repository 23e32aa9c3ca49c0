"""Find a custom workflow class by its name."""

from __future__ import annotations

from vital_shared.errors import InvalidRequest
from vital_shared.graph import Graph
from vital_shared.workflows.find_object import find_object

__all__ = ["find_graph"]


def find_graph(target: str) -> type[Graph]:
    """Import a class.

    :param target: ``module:Class``, or ``file.py:Class``.
    :raises InvalidRequest: when there is no such class, or its module cannot be imported.
    :raises PlanError: when the class does not describe a graph.
    """
    if ":" not in target:
        raise InvalidRequest(f"{target} names no class: write module:Class, or file.py:Class.")
    found = find_object(target)
    if not (isinstance(found, type) and issubclass(found, Graph) and hasattr(found, "plan")):
        raise InvalidRequest(f"{target} is not a workflow: name a subclass of vital_shared.Workflow.")
    return found
