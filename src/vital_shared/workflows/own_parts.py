"""Check the tools, models and sources that a caller gives, before anything is opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from vital_shared.errors import ConfigurationError
from vital_shared.tools.base import Tool

__all__ = ["check_parts"]

_METHODS: Final = {
    "models": ("stream", "a model is an object with a name and a stream"),
    "sources": ("search", "a source is an object with a name and a search"),
}


def check_parts(tools: Sequence[object], models: Sequence[object], sources: Sequence[object]) -> None:
    """Check that each part is what it is given as.

    :raises ConfigurationError: when one is not, in one sentence that names it.
    """
    for tool in _listed("tools", tools):
        if not isinstance(tool, Tool):
            raise ConfigurationError(f"{_named(tool)} is no tool: put @tool() above the function.")
    for kind, parts in (("models", models), ("sources", sources)):
        method, face = _METHODS[kind]
        for part in _listed(kind, parts):
            is_object = not isinstance(part, type)
            if not (is_object and isinstance(getattr(part, "name", None), str) and hasattr(part, method)):
                raise ConfigurationError(f"{_named(part)} cannot be one of the {kind}: {face}.")


def _listed(kind: str, parts: object) -> Iterable[object]:
    if isinstance(parts, str) or not isinstance(parts, Iterable):
        raise ConfigurationError(f"{_named(parts)} is no list of {kind}: write {kind}=[…].")
    return parts


def _named(part: object) -> str:
    if isinstance(part, type):
        return f"The class {part.__name__}"
    return f"The function {part.__name__}" if hasattr(part, "__name__") else repr(part)
