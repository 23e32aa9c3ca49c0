"""Tool calls, suggested, approved and done."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import to_jsonable_python

from vital_shared.models.base import Frozen
from vital_shared.models.citation import Passage
from vital_shared.models.lone_surrogate import Whole

__all__ = ["ToolCall", "ToolRequest", "ToolResult", "ToolStatus"]

ToolStatus = Literal["success", "failed", "timeout", "denied"]


def _as_json(arguments: Any) -> Any:
    try:
        return to_jsonable_python(arguments, inf_nan_mode="constants")
    except ValueError:  # what JSON cannot hold can still be called at once, and is refused where it waits
        return arguments


class ToolRequest(Frozen):
    """A tool that the input itself asks for; such a call counts as approved."""

    name: str = Field(min_length=1, max_length=64)
    arguments: Whole[dict[str, Any] | None] = None
    """None: the tool takes its arguments from the question."""


class ToolCall(Frozen):
    """One call of a tool, with its arguments, before it is made."""

    id: str
    """Unique within the run; what an approval names."""

    name: str
    arguments: Annotated[dict[str, Any], BeforeValidator(_as_json)]
    """As JSON has them, since a call that waits for the user is shown and stored."""

    reason: str = ""
    """The reason for the suggestion, in words for the user."""

    cost_dollars: Decimal = Decimal(0)
    requires_approval: bool = True


class ToolResult(Frozen):
    """The result of a tool call."""

    id: str
    """The id of the call."""

    name: str
    arguments: dict[str, Any]
    status: ToolStatus
    content: str = ""
    """The result as text, for the answer; empty where there is none."""

    passages: tuple[Passage, ...] = ()
    """Passages that the tool found and an answer may cite."""

    error: str | None = None
    """One sentence, where the call did not succeed."""

    duration_seconds: float = 0.0
    cost_dollars: Decimal = Decimal(0)
