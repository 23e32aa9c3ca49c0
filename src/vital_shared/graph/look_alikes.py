"""Warn of methods that look like nodes but are not, because ``@node`` was forgotten."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Collection

from vital_shared.graph.errors import PlanWarning
from vital_shared.graph.node import ATTRIBUTE, place

__all__ = ["warn_of_look_alikes"]


def warn_of_look_alikes(cls: type, values: Collection[str], methods: Collection[str]) -> None:
    """Warn of each public method of a class that could be a node and that nothing in the class calls.

    :param values: names of the graph's values and inputs.
    :param methods: names of methods that are meant to be none.
    """
    functions = {name: each for name, each in vars(cls).items() if inspect.isfunction(each)}
    called = {name for each in functions.values() for name in each.__code__.co_names}
    for name, function in functions.items():
        inherited = any(hasattr(base, name) for base in cls.__bases__)
        if name.startswith("_") or hasattr(function, ATTRIBUTE) or name in called or name in methods:
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
