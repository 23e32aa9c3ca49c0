"""Figures of known questions, before and after a tuning."""

from __future__ import annotations

from vital_cli.terminal import say, show_table
from vital_shared.models.retrieval_tuning import SHIPPED_TUNING
from vital_shared.workflows.evaluation.figures import EvalFigures
from vital_shared.workflows.evaluation.tune import FirstPassages, TuningResult

__all__ = ["show_figures", "show_reset", "show_tuning"]


def show_figures(figures: EvalFigures) -> None:
    """Print the figures of one evaluation."""
    show_table([{"of the questions": name, "count": value} for name, value in _rows(figures).items()])


def show_tuning(result: TuningResult) -> None:
    """Print the figures before and after, and the values that are kept."""
    after = _rows(result.after)
    show_table(
        [
            {"of the questions": name, "before": value, "after": after[name]}
            for name, value in _rows(result.before).items()
        ]
    )
    if result.first_passages is not None:
        say(_about_reranker(result.first_passages, result.tuning.source_weight))
    if not result.has_changed:
        say("The values of the package do best here, and are in force.", "green")
        return
    shipped = SHIPPED_TUNING.model_dump()
    changed = {
        name: value
        for name, value in result.tuning.model_dump(exclude={"name"}).items()
        if value != shipped[name]
    }
    values = ", ".join(f"{name} {value:g}" for name, value in changed.items())
    say(f"{result.tuning.name} is in force: {values}.", "green")


def show_reset(was_there: bool) -> None:
    """Print what a reset has changed."""
    say("The values of the package are in force." if was_there else "There was no tuning.", "green")


def _rows(figures: EvalFigures) -> dict[str, str]:
    right = figures.right
    return {
        "answered by the first passage": f"{figures.first} of {figures.answerable}",
        "answered by the first five": f"{figures.among_five} of {figures.answerable}",
        "answers that are right (precision)": f"{right} of {figures.answered} ({figures.precision:.0%})",
        "questions answered rightly (recall)": f"{right} of {figures.answerable} ({figures.recall:.0%})",
        "answered without an answer in the documents": (
            f"{figures.unanswerable_answered} of {figures.unanswerable}"
        ),
    }


def _about_reranker(first: FirstPassages, source_weight: float) -> str:
    counts = f"{first.reranker} of {first.questions} first passages answer with it, {first.sources} without"
    if source_weight > 0:
        return (
            f"The reranker costs accuracy here: {counts}. The order of the sources counts {source_weight:g}."
        )
    return f"The reranker orders the passages: {counts}."
