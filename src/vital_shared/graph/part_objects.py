"""The objects whose methods are the nodes of a graph's parts: one object for each part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Final

__all__ = ["find_part", "of_part"]

PARTS: Final = "__vital_parts__"
"""The attribute of an object that holds those of its parts, by name."""


def find_part(target: Any, path: Sequence[str]) -> Any:
    """Return the object of a part of a part, and so on; the target itself where the path is empty."""
    return reduce(_part, path, target)


def _part(target: Any, name: str) -> Any:
    parts = vars(target).setdefault(PARTS, {})
    found = parts.get(name)
    if found is None:
        found = parts[name] = target.part_object(getattr(type(target), name).graph)
    return found


def of_part(path: Sequence[str], function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method of a part be called with the object of the whole graph."""
    if not path:
        return function

    def call(target: Any, *arguments: Any) -> Any:
        return function(find_part(target, path), *arguments)

    return call
