"""Check the declarations in the body of a workflow class when it is defined."""

from __future__ import annotations

import warnings
from typing import Any, Final

from vital_shared.errors import ConfigurationError
from vital_shared.graph import Plan, PlanError, PlanWarning
from vital_shared.models.durability import DURABILITIES, Durability
from vital_shared.models.workflow_io import WorkflowMode

__all__ = ["check_declared", "check_has_nodes", "check_parts", "check_values"]

FROM_PARAMETERS: Final = {
    "inputs": "write them as the fields of a subclass of WorkflowInput, as in Workflow[MyInput]",
    "input_type": "write it as a type parameter, as in Workflow[MyInput]",
    "result_type": "write it as a type parameter, as in Workflow[WorkflowInput, MyResult]",
}
"""Advice for attributes that follow from the type parameters, by name: a class cannot set them by itself."""

WHOLE_INPUT: Final = "input"


def check_declared(cls: Any) -> None:
    """See that a class sets its rules with values of the right kind.

    :raises PlanError: when one is of another.
    """
    title = f"workflow '{cls.__name__}'"
    for name, instead in FROM_PARAMETERS.items():
        if name in vars(cls):
            raise PlanError(f"{title} names its {name.replace('_', ' ')}: {instead}")
    if not isinstance(cls.cacheable, bool):
        raise PlanError(f"{title} has cacheable = {cls.cacheable!r}: write True or False")
    if not isinstance(cls.cache_version, str):
        raise PlanError(f"{title} has cache_version = {cls.cache_version!r}: write a text")
    if cls.durable not in DURABILITIES:
        raise PlanError(f"{title} has durable = {cls.durable!r}: write 'pauses' or 'nodes'")
    if isinstance(cls.modes, str) or not all(isinstance(mode, WorkflowMode) for mode in cls.modes):
        raise PlanError(f"{title} has modes = {cls.modes!r}: write frozenset({{WorkflowMode.MODE_2, …}})")


def check_parts(cls: Any) -> None:
    """See that each part of a workflow that reads its whole input gets all that this needs.

    :raises PlanError: when a required field is neither given nor of the outer input or a node of it.
    """
    for part in cls.plan.parts:
        input_type = getattr(part.graph, "input_type", None)
        if input_type is None or WHOLE_INPUT not in part.graph.plan.slots:
            continue
        known = {*part.inputs, *cls.inputs, *cls.plan.slots}
        for name, field in input_type.model_fields.items():
            if field.is_required() and name not in known:
                raise PlanError(
                    f"a part of workflow '{cls.__name__}', {part.graph.__name__}, needs '{name}' in its "
                    f"{input_type.__name__}, and nothing makes it: add a field or a node of that name, or "
                    f'name another value for it, as in subworkflow({part.graph.__name__}, {name}="…")'
                )


def check_values(plan: Plan, durable: Durability) -> None:
    """See that the store can hold what the nodes of a durable workflow make.

    Of nodes with effects nobody would know whether they have finished; others run again, which is warned of.

    :raises PlanError: when it cannot hold the value of a node with effects.
    """
    for node in plan.nodes if durable == "nodes" else ():
        try:
            plan.types.adapter(node.makes)
        except TypeError as error:
            title = f"node '{plan.name}.{node.name}' ({node.place})"
            if node.declaration.effects:
                raise PlanError(
                    f"{title} has effects in a durable workflow, and its value cannot be stored: {error}: "
                    "declare the type that it returns, or None"
                ) from error
            warnings.warn(
                f"{title} is part of a durable workflow, and its value cannot be stored: {error}: where its "
                "process dies the node runs, and is paid, again, so declare a type that JSON can hold",
                PlanWarning,
                stacklevel=3,
            )


def check_has_nodes(name: str, plan: Plan) -> None:
    """See that a class that is to run has something to do; as a base of others it need not.

    :raises ConfigurationError: when it has no nodes.
    """
    if not plan.nodes:
        raise ConfigurationError(
            f"{name} has no nodes, and would do nothing: put @node above each method that makes a value."
        )
