"""Remarks on an answer besides its text: the quality's reasons and the warnings."""

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
"""Cause of an answer that a provider, or a guardrail, keeps to itself, in whole or from some place on."""

AnswerEnding = Literal[
    "whole", "truncated", "cut_off", "content_filtered", "refused", "recitation_blocked", "guardrail"
]
"""Cause of the end of an answer's text: ``truncated`` at the limit of its length, ``cut_off`` where the model
failed midway; the others are the provider's decision."""

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
"""Closed, since it is a metric's label. A node of a user's own workflow that declares a reason
outside this set is recorded under ``other``, its own words in the warning."""

WarningType = Literal[
    "degraded", "citation_removed", "unsupported", "tool_denied", "tool_loop_ended", "unknown_price", "other"
]


class AnswerWarning(Frozen):
    """Something that the user should know about the answer, in words."""

    type: WarningType
    message: str


class UnsupportedSentence(Frozen):
    """A sentence of an answer that its citations do not back."""

    start: int
    """Its first character's place in the answer's text."""
    end: int
    """The place behind its last character."""
