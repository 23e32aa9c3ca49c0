"""A person's decision on a paused run, as it is stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from vital_shared.models.base import Frozen

__all__ = ["DecisionKind", "RunDecision"]

DecisionKind = Literal["approved", "edited", "denied", "answered"]


class RunDecision(Frozen):
    """One decision: about one tool call, or the answer to one node."""

    kind: DecisionKind
    subject: str
    """The id of the tool call, or the name of the value that was answered."""

    at: datetime
    user_id: str | None = None
    """The person, as the request named it."""

    key_id: str | None = None
    """The id of the API key of the request; None: the engine asks for none, or a program decided."""

    tool: str | None = None
    arguments: dict[str, Any] | None = None
    """The arguments of the call: those that were approved, edited or denied."""

    suggested_arguments: dict[str, Any] | None = None
    """The arguments before they were edited."""

    reason: str | None = None
    """The reason of a denial."""

    answer: Any = None
    """The answer, as JSON has it."""
