"""The quality of an answer: reasons, their weights, and the words for the user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from vital_shared.llm.groundedness import groundedness
from vital_shared.models.answer import Answer, Quality
from vital_shared.models.citation import Passage
from vital_shared.models.quality import AnswerWarning, DegradationReason, UnsupportedSentence
from vital_shared.models.tool import ToolResult

if TYPE_CHECKING:
    from vital_shared.retrieval.entailment import Entailment
    from vital_shared.retrieval.rerank import Reranker

__all__ = ["DEGRADATIONS", "assess", "endings_of", "known_reason", "score", "warning_for"]


class _Degradation(NamedTuple):
    weight: float
    """The deduction from the score."""
    words: str
    """The text for the user."""


DEGRADATIONS: Final[dict[DegradationReason, _Degradation]] = {
    "history_failed": _Degradation(0.1, "The conversation so far could not be read."),
    "rag_failed": _Degradation(0.3, "Some of the documents could not be searched."),
    "rag_timeout": _Degradation(0.2, "Some of the documents could not be searched in time."),
    "no_sources": _Degradation(0.5, "The documents do not hold an answer to this question."),
    "tools_failed": _Degradation(0.15, "A tool failed, and the answer does without it."),
    "tool_timeout": _Degradation(0.15, "A tool did not answer in time, and the answer does without it."),
    "suggestion_failed": _Degradation(0.05, "No tools could be suggested."),
    "llm_fallback": _Degradation(0.2, "The model of first choice did not answer; another one did."),
    "ungrounded": _Degradation(0.2, "Parts of the answer are not backed by the sources they cite."),
    "uncertain": _Degradation(0.25, "The answer may not be what was asked for: check its sources."),
    "truncated": _Degradation(0.1, "The answer was cut short."),
    "cut_off": _Degradation(0.3, "The answer ends midway, because the model failed while it wrote."),
    "content_filtered": _Degradation(
        0.3, "The provider's content filter held an answer, or a part of it, back."
    ),
    "refused": _Degradation(0.3, "The model refused to answer, or to go on."),
    "recitation_blocked": _Degradation(
        0.3, "The provider held an answer, or a part of it, back because it repeats a protected text."
    ),
    "guardrail": _Degradation(0.3, "A guardrail held an answer, or a part of it, back."),
    "quality_failed": _Degradation(0.05, "The answer could not be checked against its sources."),
    "models_missing": _Degradation(
        0.2,
        "The embedded models are not installed, so that documents are searched by keywords alone: "
        "run `vital models install`.",
    ),
    "save_failed": _Degradation(0.05, "The answer could not be saved in time."),
    "other": _Degradation(0.1, "Something that the answer could have used was missing."),
}

GROUNDEDNESS_WEIGHT: Final = 0.5
"""The deduction for an answer none of whose sentences is backed."""

MAX_QUOTED_SENTENCES: Final = 5
"""Unsupported sentences that are warned of one by one; all are marked."""


def known_reason(reason: str) -> DegradationReason:
    """Fit the reason that a node declared into the closed set."""
    return reason if reason in DEGRADATIONS else "other"


def warning_for(reason: DegradationReason) -> AnswerWarning:
    """Return the warning that explains a degradation to the user."""
    return AnswerWarning(type="degraded", message=DEGRADATIONS[reason].words)


def score(reasons: Iterable[DegradationReason], grounded: float | None) -> float:
    """Return the quality from 0 to 1.

    1.0, less the weight of each reason, less `GROUNDEDNESS_WEIGHT` for the share of sentences that their
    citations do not back.
    """
    lost = sum(DEGRADATIONS[reason].weight for reason in set(reasons))
    if grounded is not None:
        lost += GROUNDEDNESS_WEIGHT * (1.0 - grounded)
    return round(max(0.0, 1.0 - lost), 4)


def endings_of(answer: Answer) -> tuple[DegradationReason, ...]:
    """Return the causes for which this text, or that of a model asked before, is not whole."""
    ending: tuple[DegradationReason, ...] = () if answer.ending == "whole" else (answer.ending,)
    return ending if answer.held_back is None else (*ending, answer.held_back)


async def assess(
    answer: Answer,
    passages: Sequence[Passage],
    tool_results: Sequence[ToolResult],
    reranker: Reranker | None,
    entailment: Entailment | None = None,
    *,
    uses_rag: bool,
) -> Quality:
    """Check an answer against its sources, and name what it had to do without.

    :param passages: all that could be cited, the tools' passages included.
    """
    grounding = await groundedness(
        answer.text, answer.citations, passages, tool_results, reranker, entailment
    )
    unsupported = grounding.unsupported if grounding else ()
    reasons: list[DegradationReason] = []
    statuses = {result.status for result in tool_results}
    helped = "success" in statuses
    if answer.abstained or (uses_rag and not answer.citations and not helped):
        reasons.append("no_sources")
    if "failed" in statuses:
        reasons.append("tools_failed")
    if "timeout" in statuses:
        reasons.append("tool_timeout")
    if answer.fallback_error is not None:
        reasons.append("llm_fallback")
    if unsupported:
        reasons.append("ungrounded")
    if answer.estimate is not None and not answer.abstained and not answer.estimate.is_certain:
        reasons.append("uncertain")
    return Quality(
        groundedness=grounding.share if grounding else None,
        unsupported=unsupported,
        reasons=tuple(reasons),
        warnings=tuple(_warnings(answer.text, unsupported, tool_results)),
    )


def _warnings(
    text: str, unsupported: Sequence[UnsupportedSentence], tool_results: Sequence[ToolResult]
) -> Iterator[AnswerWarning]:
    for sentence in unsupported[:MAX_QUOTED_SENTENCES]:
        said = " ".join(text[sentence.start : sentence.end].split())
        yield AnswerWarning(
            type="unsupported", message=f"This is not backed by the sources: “{_shortened(said)}”"
        )
    for result in tool_results:
        if result.status == "denied":
            yield AnswerWarning(
                type="tool_denied", message=f'The tool "{result.name}" was not run: {result.error}'
            )


def _shortened(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
