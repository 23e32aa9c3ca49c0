"""Warn of methods that look like nodes but are not, because ``@node`` was forgotten."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Collection

from vital_shared.graph.errors import PlanWarning
from vital_shared.graph.node import ATTRIBUTE, place
from vital_shared.graph.plan import Plan

__all__ = ["warn_of_look_alikes"]


def warn_of_look_alikes(cls: type, plan: Plan, inputs: Collection[str], methods: Collection[str]) -> None:
    """Warn of each public method of a class that could be a node, unless it is used as a method.

    :param plan: the plan of the class.
    :param inputs: names of the graph's inputs.
    :param methods: names of methods that are meant to be none.
    """
    functions = {name: each for name, each in vars(cls).items() if inspect.isfunction(each)}
    called = {name for each in functions.values() for name in each.__code__.co_names}
    fallbacks = [each.declaration.fallback for each in plan.nodes]
    values = {*inputs, *plan.slots}
    for name, function in functions.items():
        inherited = any(hasattr(base, name) for base in cls.__bases__)
        is_used = name in called or name in methods or function in fallbacks
        if name.startswith("_") or hasattr(function, ATTRIBUTE) or is_used:
            continue
        parameters = list(inspect.signature(function).parameters)[1:]
        if not inherited and parameters and all(each in values for each in parameters):
            code = function.__code__
            warnings.warn_explicit(
                f"method '{cls.__name__}.{name}' ({place(function)}) looks like a node, and is none: "
                f"put @node above it, or name it _{name}",
                PlanWarning,
                code.co_filename,
                code.co_firstlineno,
            )
