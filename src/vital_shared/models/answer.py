"""Values that the nodes of a workflow hand to each other."""

from __future__ import annotations

from pydantic import model_validator

from vital_shared.models.answer_estimate import AnswerEstimate
from vital_shared.models.base import Frozen
from vital_shared.models.citation import Citation
from vital_shared.models.model_call import ModelCall, Tokens
from vital_shared.models.quality import (
    AnswerEnding,
    AnswerWarning,
    DegradationReason,
    HeldBackReason,
    UnsupportedSentence,
)
from vital_shared.models.tool import ToolCall, ToolResult

__all__ = ["Answer", "Denial", "Quality", "Suggestion", "ToolPlan", "to_answer"]


class Answer(Frozen):
    """The answer of a model."""

    text: str
    citations: tuple[Citation, ...] = ()
    model: str = ""
    """The model that wrote it; empty where none did."""
    tokens: Tokens = Tokens()
    abstained: bool = False
    """The sources do not hold an answer, and the text says so."""
    ending: AnswerEnding = "whole"
    held_back: HeldBackReason | None = None
    """The first cause for which a model that was asked kept its answer to itself; None where none did."""
    fallback_error: str | None = None
    """The reason why the model that was asked first did not answer; None where it did."""
    calls: tuple[ModelCall, ...] = ()
    """The calls of models that were made for it."""
    tool_results: tuple[ToolResult, ...] = ()
    """Results of the tools that the model called while it answered."""
    estimate: AnswerEstimate | None = None
    """The probability that the answer is right; None where the model gives no estimate."""
    warnings: tuple[AnswerWarning, ...] = ()

    @property
    def truncated(self) -> bool:
        """Whether the text ends before its time, for any cause."""
        return self.ending != "whole"

    @model_validator(mode="before")
    @classmethod
    def _read_truncated(cls, values: object) -> object:
        """Read ``truncated``, which stood in the place of `ending` before, in checkpoints too."""
        if not isinstance(values, dict) or "truncated" not in values:
            return values
        ending = "truncated" if values["truncated"] else "whole"
        return {"ending": ending} | {name: value for name, value in values.items() if name != "truncated"}


def to_answer(value: Answer | str) -> Answer:
    """Take plain text for an answer that no model wrote."""
    return Answer(text=value) if isinstance(value, str) else value


class Suggestion(Frozen):
    """The tool calls that a model suggests."""

    calls: tuple[ToolCall, ...] = ()
    model_calls: tuple[ModelCall, ...] = ()
    error: str | None = None
    """The reason why there is no suggestion; None where there is one, if only that no tool would help."""


class Denial(Frozen):
    """The reason why a suggested tool call is not made."""

    id: str
    """The id of the call."""
    reason: str


class ToolPlan(Frozen):
    """The tool calls of a run, sorted before anybody has been asked."""

    approved: tuple[ToolCall, ...] = ()
    """Calls that need no approval, or have it."""
    suggested: tuple[ToolCall, ...] = ()
    """Calls that wait for the user's approval."""
    refused: tuple[ToolCall, ...] = ()
    """Calls that the run's own limit of cost does not allow."""
    denials: tuple[Denial, ...] = ()
    """The reasons of suggested calls that are not made, once that is decided."""


class Quality(Frozen):
    """The result of the quality check of an answer."""

    groundedness: float | None = None
    unsupported: tuple[UnsupportedSentence, ...] = ()
    reasons: tuple[DegradationReason, ...] = ()
    warnings: tuple[AnswerWarning, ...] = ()
