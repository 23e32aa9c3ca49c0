"""What is said about an answer besides its text: the quality's reasons and the warnings."""

from __future__ import annotations

from typing import Literal

from vital_shared.models.base import Frozen

__all__ = ["AnswerWarning", "DegradationReason", "WarningType"]

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
    "truncated",
    "quality_failed",
    "models_missing",
    "save_failed",
    "other",
]
"""Closed, since it is a metric's label. A node of a user's own workflow that declares a reason
outside this set is recorded under ``other``, its own words in the warning."""

WarningType = Literal[
    "degraded", "citation_removed", "tool_denied", "embedded_models_missing", "unknown_price", "other"
]


class AnswerWarning(Frozen):
    """Something that the user should know about the answer, in words."""

    type: WarningType
    message: str
