"""Remarks on an answer in addition to its text: degradation reasons and warnings."""

from __future__ import annotations

from typing import Literal

from vital_shared.models.base import Frozen

__all__ = [
    "AnswerEnding",
    "AnswerWarning",
    "DegradationReason",
    "HeldBackReason",
    "UnsupportedSentence",
    "WarningType",
]

HeldBackReason = Literal["content_filtered", "refused", "recitation_blocked", "guardrail"]
"""The reason why a provider or a guardrail withholds an answer, completely or from some point on."""

AnswerEnding = Literal[
    "whole", "truncated", "cut_off", "content_filtered", "refused", "recitation_blocked", "guardrail"
]
"""The reason why the text of an answer ends: ``truncated`` at its maximum length, ``cut_off`` if the model
failed midway; all others except ``whole`` are decisions of the provider or a guardrail."""

DegradationReason = Literal[
    "history_failed",
    "rag_failed",
    "rag_timeout",
    "no_sources",
    "tools_failed",
    "tool_timeout",
    "suggestion_failed",
    "llm_fallback",
    "ungrounded",
    "uncertain",
    "truncated",
    "cut_off",
    "content_filtered",
    "refused",
    "recitation_blocked",
    "guardrail",
    "quality_failed",
    "models_missing",
    "save_failed",
    "other",
]
"""A closed set, since it is a metric label. If a node of your own workflow declares a reason outside this
set, it is recorded as ``other``, and the warning contains the declared reason."""

WarningType = Literal[
    "degraded", "citation_removed", "unsupported", "tool_denied", "tool_loop_ended", "unknown_price", "other"
]


class AnswerWarning(Frozen):
    """Something that the user should know about the answer, as a sentence."""

    type: WarningType
    message: str


class UnsupportedSentence(Frozen):
    """A sentence of an answer that its citations do not support."""

    start: int
    """The position of its first character in the answer's text."""
    end: int
    """The position after its last character."""
