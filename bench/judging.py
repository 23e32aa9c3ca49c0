"""Verdicts on answers to the sample questions, and all answers of a model in figures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from vital_shared.models.citation import Citation, Passage

FLOORS = {"sources": 0.92, "facts": 0.60, "citations": 1.0, "abstained": 1.0}
"""Targets of the composer."""


@dataclass(frozen=True)
class Question:
    id: str
    question: str
    answerable: bool
    facts: list[list[str]] = field(default_factory=list)
    """Each fact as the list of its spellings."""
    sources: list[str] = field(default_factory=list)
    near_miss: str | None = None
    """The difference of an unanswerable question from the documents; None: it is off the topic."""


@dataclass(frozen=True)
class Answered:
    model: str
    """The model that answered: another one where the first choice did not."""
    text: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    abstained: bool
    groundedness: float | None
    probability: float | None
    """That the answer is right; None where the engine does not estimate it."""
    cost: Decimal
    output_tokens: int
    first_text_seconds: float
    total_seconds: float


@dataclass
class Verdict:
    """The verdict on one answer; None: does not apply."""

    id: str
    question: str
    model: str
    """The model that answered."""
    answer: str
    found_source: bool | None
    has_facts: bool | None
    citations: int
    resolved: int
    abstained: bool
    answerable: bool
    groundedness: float | None
    cost: str
    """Dollars."""
    output_tokens: int
    first_text_seconds: float
    total_seconds: float
    misses: list[str]


def judge(question: Question, answered: Answered) -> Verdict:
    texts = {passage.id: passage.text for passage in answered.passages}
    resolved = sum(citation.quote in texts.get(citation.passage_id, "") for citation in answered.citations)
    first = [passage.uri for passage in answered.passages[:3]]
    found = any(Path(uri).name in question.sources for uri in first) if question.answerable else None
    missing = [fact[0] for fact in question.facts if not _holds(fact, answered.text)]
    misses = []
    if found is False:
        misses.append(f"none of {question.sources} among the first three: {first}")
    if resolved < len(answered.citations):
        misses.append(f"{len(answered.citations) - resolved} quotes are not in their passages")
    if question.answerable and answered.abstained:
        misses.append("abstained, and the documents hold the answer")
    elif question.answerable and missing:
        misses.append(f"lacks {missing}: {answered.text}")
    elif not question.answerable and not answered.abstained:
        misses.append(f"answered, and the documents hold no answer: {answered.text}")
    return Verdict(
        id=question.id,
        question=question.question,
        model=answered.model,
        answer=answered.text,
        found_source=found,
        has_facts=not missing if question.answerable else None,
        citations=len(answered.citations),
        resolved=resolved,
        abstained=answered.abstained,
        answerable=question.answerable,
        groundedness=answered.groundedness,
        cost=str(answered.cost),
        output_tokens=answered.output_tokens,
        first_text_seconds=answered.first_text_seconds,
        total_seconds=answered.total_seconds,
        misses=misses,
    )


def holds_facts(question: Question, text: str) -> bool:
    """Return whether a text has every fact that a right answer contains."""
    return all(_holds(fact, text) for fact in question.facts)


def _holds(fact: list[str], text: str) -> bool:
    """Return whether a text has a fact in one of its spellings, as whole words."""
    plain = _plain(text)
    return any(re.search(rf"(?<!\w){re.escape(_plain(each))}(?!\w)", plain) for each in fact)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def summary(verdicts: list[Verdict]) -> dict[str, tuple[int, int]]:
    """Return what is counted: how many, of how many."""
    asked = [verdict for verdict in verdicts if verdict.answerable]
    others = [verdict for verdict in verdicts if not verdict.answerable]
    return {
        "sources": (sum(bool(v.found_source) for v in asked), len(asked)),
        "facts": (sum(bool(v.has_facts) for v in asked), len(asked)),
        "citations": (sum(v.resolved for v in verdicts), sum(v.citations for v in verdicts)),
        "abstained": (sum(v.abstained for v in others), len(others)),
        "abstained by mistake": (sum(v.abstained for v in asked), len(asked)),
    }


def figures(model: str, verdicts: list[Verdict]) -> dict[str, str]:
    """Return all that is measured of a model, ready to be shown and compared."""
    shown = {name: f"{n} of {of}" for name, (n, of) in summary(verdicts).items()}
    shown["answered by another model"] = str(sum(v.model != model for v in verdicts))
    grounded = [v.groundedness for v in verdicts if v.groundedness is not None]
    if grounded:
        shown["groundedness, mean"] = f"{sum(grounded) / len(grounded):.0%}"
    for name, times in (
        ("first text", [v.first_text_seconds for v in verdicts]),
        ("whole answer", [v.total_seconds for v in verdicts]),
    ):
        shown[f"{name}, p50 / p95 ms"] = f"{_at(times, 0.5):.0f} / {_at(times, 0.95):.0f}"
    shown["output tokens, mean"] = f"{sum(v.output_tokens for v in verdicts) / len(verdicts):.0f}"
    shown["cost, dollars"] = str(sum(Decimal(v.cost) for v in verdicts).normalize())
    return shown


def missed_floors(verdicts: list[Verdict]) -> list[str]:
    counted = summary(verdicts)
    return [
        f"{name}: {counted[name][0]} of {counted[name][1]}, and the floor is {floor:.0%}"
        for name, floor in FLOORS.items()
        if counted[name][0] < floor * counted[name][1]
    ]


def _at(seconds: list[float], share: float) -> float:
    """Return a percentile, in milliseconds."""
    return 1000 * sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]
