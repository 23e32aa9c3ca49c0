"""The input from outside that a paused run waits for."""

from __future__ import annotations

from typing import Any

from vital_shared.models.base import Frozen

__all__ = ["RequiredInput"]


class RequiredInput(Frozen):
    """A value that a paused node needs from outside."""

    name: str
    """The name of the value, by which it is answered."""

    node: str
    value: Any
    """The value that the node has paused with, as JSON has it: the question to answer."""

    answer_schema: dict[str, Any]
    """The JSON schema of the answer, from the type that the node declares to return."""
