"""Fit the probability that a quoted answer is right, and print how well it does on what it was not fitted on.

    python bench/fit_answers.py [--write] [--scores FILE]

Each English collection is left out once: its figures are of a fit on the others. The thresholds stand below
and are not chosen by the fit. The collections of `HELD_BACK` are in no fit: nobody looked at their single
failures while signals and thresholds were chosen. ``--write`` puts a fit on all others into the package.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from collection import load_collections
from regression import (
    Array,
    area_under_curve,
    calibration_error,
    fit,
    interval,
    leave_one_out,
    predict,
    reliability,
)
from scored_questions import ScoredQuestion, StoredScores, score_questions
from vital_shared.llm.answer_signals import SIGNAL_NAMES
from vital_shared.retrieval.pinned_models import MS_MARCO

PACKAGED = Path(__file__).parents[1] / "src" / "vital_shared" / "llm" / "answer_calibration.json"

VERSION = "quotes-en-3"
HELD_BACK = ("api-guide", "island-nature", "shelter-policy")

RIDGE = 0.5
ANSWER_FROM = 0.7
CERTAIN_FROM = 0.75
CLOSED_PROBABILITY = 0.05
SURE = 0.85


def matrix(scored: list[ScoredQuestion]) -> Array:
    return np.array([[each.signals[name] for name in SIGNAL_NAMES] for each in scored])


def held_out(scored: list[ScoredQuestion]) -> Array:
    """Return each probability, closed gates included, from a fit on the other collections."""
    right = np.array([float(each.is_right) for each in scored])
    groups = [each.collection for each in scored]
    probabilities = leave_one_out(matrix(scored), right, groups, ridge=RIDGE)
    closed = np.array([each.is_closed for each in scored])
    return np.where(closed, np.minimum(probabilities, CLOSED_PROBABILITY), probabilities)


class Figures:
    """Figures of some questions.

    :param probabilities: of their answers.
    """

    def __init__(self, scored: list[ScoredQuestion], probabilities: Array) -> None:
        self.count = len(scored)
        self._p = probabilities
        self._right = np.array([float(each.is_right) for each in scored])
        self._answerable = np.array([float(each.question.answerable) for each in scored])
        self._near = np.array([each.question.near_miss is not None for each in scored])

    def precision(self, some: Array | None = None) -> float:
        some = self._all(some)
        given = self._p[some] >= ANSWER_FROM
        return float(self._right[some][given].mean()) if given.any() else float("nan")

    def recall(self, some: Array | None = None) -> float:
        some = self._all(some)
        given = self._p[some] >= ANSWER_FROM
        return float(self._right[some][given].sum() / max(1.0, self._answerable[some].sum()))

    def near_misses(self, some: Array | None = None) -> float:
        some = self._all(some)
        near = self._near[some]
        return float((self._p[some] >= ANSWER_FROM)[near].mean()) if near.any() else float("nan")

    def area(self, some: Array | None = None) -> float:
        some = self._all(some)
        return area_under_curve(self._p[some], self._right[some])

    def sure(self, some: Array | None = None) -> float:
        some = self._all(some)
        sure = self._p[some] > SURE
        return float(self._right[some][sure].mean()) if sure.any() else float("nan")

    def uncertain(self, some: Array | None = None) -> float:
        """Return the share of the given answers that come with a warning."""
        some = self._all(some)
        given = self._p[some] >= ANSWER_FROM
        return float((self._p[some] < CERTAIN_FROM)[given].mean()) if given.any() else float("nan")

    @property
    def error(self) -> float:
        return calibration_error(self._p, self._right)

    @property
    def bins(self) -> list[tuple[float, float, float, int]]:
        return reliability(self._p, self._right)

    def _all(self, some: Array | None) -> Array:
        return np.arange(self.count) if some is None else some


FIGURES = ("area", "precision", "recall", "near_misses", "sure", "uncertain")


def show(
    console: Console, scored: list[ScoredQuestion], probabilities: Array
) -> tuple[dict[str, object], dict[str, dict[str, float]]]:
    """Print the held-out figures, and return those of all, with their intervals, and of each collection."""
    table = Table("held out", "questions", *FIGURES)
    each_of: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(each.collection for each in scored):
        mine = [index for index, each in enumerate(scored) if each.collection == name]
        figures = Figures([scored[index] for index in mine], probabilities[mine])
        values = {figure: round(getattr(figures, figure)(), 3) for figure in FIGURES}
        each_of[name] = {figure: value for figure, value in values.items() if value == value}
        table.add_row(name, str(figures.count), *(f"{value:.2f}" for value in values.values()))
    figures = Figures(scored, probabilities)
    summary: dict[str, object] = {"questions": figures.count, "calibration_error": round(figures.error, 3)}
    cells = []
    for name in FIGURES:
        figure = getattr(figures, name)
        low, high = interval(figure, figures.count)
        summary[name] = [round(figure(), 3), round(low, 3), round(high, 3)]
        cells.append(f"{figure():.2f} ({low:.2f} to {high:.2f})")
    table.add_row("all", str(figures.count), *cells, style="bold")
    console.print(table)
    worst = min(each_of, key=lambda name: each_of[name]["area"])
    console.print(f"the worst by its area: {worst}")
    bins = Table("probability", "right", "answers", title=f"calibration error {figures.error:.3f}")
    for _, mean, rate, count in figures.bins:
        bins.add_row(f"{mean:.2f}", f"{rate:.2f}", str(count))
    console.print(bins)
    return summary, each_of


def held_back(scored: list[ScoredQuestion], weights: Array) -> Array:
    """Return each probability of questions that were in no fit, closed gates included."""
    probabilities = predict(weights, matrix(scored))
    closed = np.array([each.is_closed for each in scored])
    return np.where(closed, np.minimum(probabilities, CLOSED_PROBABILITY), probabilities)


def packaged(
    weights: Array,
    scored: list[ScoredQuestion],
    figures: dict[str, object],
    each_of: dict[str, dict[str, float]],
    kept: dict[str, object],
) -> dict[str, Any]:
    collections = dict.fromkeys(each.collection for each in scored)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    return {
        "version": VERSION,
        "reranker": MS_MARCO.name,
        "intercept": round(float(weights[0]), 4),
        "weights": {
            name: round(float(weight), 4) for name, weight in zip(SIGNAL_NAMES, weights[1:], strict=True)
        },
        "answer_from": ANSWER_FROM,
        "certain_from": CERTAIN_FROM,
        "closed_probability": CLOSED_PROBABILITY,
        "fitted": {
            "by": "python bench/fit_answers.py --write",
            "on": today,
            "ridge": RIDGE,
            "questions": {name: sum(each.collection == name for each in scored) for name in collections},
            "held_out": figures,
            "held_out_by_collection": each_of,
            "held_back": kept,
        },
    }


async def scored_english(scores: StoredScores) -> list[ScoredQuestion]:
    scored = []
    for collection in load_collections():
        scored += await score_questions(collection, scores)
        scores.save()
    return [each for each in scored if each.is_english]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--write", action="store_true", help="put the fit on all collections into the package"
    )
    parser.add_argument("--scores", type=Path, help="keep the models' scores in this file")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    english = asyncio.run(scored_english(StoredScores(arguments.scores)))
    scored = [each for each in english if each.collection not in HELD_BACK]
    figures, each_of = show(console, scored, held_out(scored))
    weights = fit(matrix(scored), np.array([float(each.is_right) for each in scored]), ridge=RIDGE)
    last = [each for each in english if each.collection in HELD_BACK]
    console.print("in no fit:")
    kept, _ = show(console, last, held_back(last, weights))
    calibration = packaged(weights, scored, figures, each_of, kept)
    console.print(calibration["weights"])
    if arguments.write:
        PACKAGED.write_text(json.dumps(calibration, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
