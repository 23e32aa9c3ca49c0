"""What the nodes of a workflow hand to each other."""

from __future__ import annotations

from vital_shared.models.base import Frozen
from vital_shared.models.citation import Citation
from vital_shared.models.model_call import ModelCall, Tokens
from vital_shared.models.quality import AnswerWarning, DegradationReason, UnsupportedSentence
from vital_shared.models.tool import ToolCall, ToolResult

__all__ = ["Answer", "Quality", "Suggestion", "ToolPlan"]


class Answer(Frozen):
    """What a model wrote."""

    text: str
    citations: tuple[Citation, ...] = ()
    model: str
    tokens: Tokens = Tokens()
    abstained: bool = False
    """The sources do not hold an answer, and the text says so."""
    truncated: bool = False
    """The text ends because a limit was reached."""
    fallback_error: str | None = None
    """Why the model that was asked first did not answer; None where it did."""
    calls: tuple[ModelCall, ...] = ()
    """The calls of models that were made for it."""
    tool_results: tuple[ToolResult, ...] = ()
    """What the tools gave that the model called while it answered."""
    warnings: tuple[AnswerWarning, ...] = ()


class Suggestion(Frozen):
    """The tool calls that a model suggests."""

    calls: tuple[ToolCall, ...] = ()
    model_calls: tuple[ModelCall, ...] = ()
    error: str | None = None
    """Why there is no suggestion; None where there is one, if only that no tool would help."""


class ToolPlan(Frozen):
    """The tool calls of a run before anybody has been asked."""

    approved: tuple[ToolCall, ...] = ()
    """Those that need no approval, or have it."""
    suggested: tuple[ToolCall, ...] = ()
    """Those that wait for the user's."""
    refused: tuple[ToolCall, ...] = ()
    """Those that the run's own limit of cost does not allow."""


class Quality(Frozen):
    """What the quality check says about an answer."""

    groundedness: float | None = None
    unsupported: tuple[UnsupportedSentence, ...] = ()
    reasons: tuple[DegradationReason, ...] = ()
    warnings: tuple[AnswerWarning, ...] = ()
