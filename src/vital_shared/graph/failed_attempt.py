"""A failed attempt at a node, or at an item of a fan-out."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FailedAttempt"]


class FailedAttempt(NamedTuple):
    """A failed attempt: one that was followed by another or by a fallback, or the last one."""

    node: str
    item: int | None
    """The index of an item of a fan-out."""
    kind: type[BaseException]
    """The class of the error, by which a caller decides who may read its words."""
    error: str
    """``Type: message``."""
