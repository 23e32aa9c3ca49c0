"""The ``__init__`` of a workflow class, which commands and servers call with services alone."""

from __future__ import annotations

import inspect
from typing import Any

from vital_shared.workflows.workflow import Workflow

__all__ = ["constructor_fault"]


def constructor_fault(found: type[Workflow[Any, Any]]) -> str | None:
    """Return the reason why no object of a class can be made with services alone; None: one can."""
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        return f"it is abstract, and lacks {', '.join(missing)}: name a subclass that has what it lacks."
    needed = [
        each.name
        for each in inspect.signature(found).parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if others := [name for name in needed if name != "services"]:
        rest = "it may take services alone, or have defaults for the rest."
        return f"its __init__ needs {', '.join(others)}; {rest}"
    return None
