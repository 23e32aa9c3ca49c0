"""Fit the probability that a quoted answer is right, and print how well it does on what it was not fitted on.

    python bench/fit_answers.py [--write] [--scores FILE]

Each language has a fit of its own. Each collection is left out once: its figures are of a fit on the others.
The thresholds stand below and are not chosen by the fit. The collections of `held_back` are in no fit: nobody
looked at their single failures while signals and thresholds were chosen. Half of the questions of those of
`deceptive` are near misses, written to pass the gate; they are in no fit either, but for that with the
entailment model, whose signal few other questions have. ``--write`` puts a fit on all the others into the
package. The fit with the entailment model is made where that is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass, replace
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
from vital_shared.llm.answer_calibration import SCORERS
from vital_shared.llm.answer_signals import SIGNAL_NAMES
from vital_shared.llm.german_signals import GERMAN_SIGNAL_NAMES
from vital_shared.llm.premise_denied import PREMISE_DENIED
from vital_shared.retrieval.language import ENGLISH, GERMAN

PACKAGED = Path(__file__).parents[1] / "src" / "vital_shared" / "llm"


@dataclass(frozen=True)
class Calibrated:
    """The conditions of a language's fit."""

    language: str
    version: str
    signal_names: tuple[str, ...]
    held_back: tuple[str, ...]
    deceptive: tuple[str, ...]
    ridge: float
    answer_from: float
    certain_from: float
    fits_deceptive: bool = False

    @property
    def unfitted(self) -> tuple[str, ...]:
        return self.held_back if self.fits_deceptive else (*self.held_back, *self.deceptive)

    @property
    def needs_entailment(self) -> bool:
        return PREMISE_DENIED in self.signal_names

    @property
    def file(self) -> Path:
        suffix = "_entailment" if self.needs_entailment else ""
        return PACKAGED / f"answer_calibration_{self.language}{suffix}.json"

    def matrix(self, scored: list[ScoredQuestion]) -> Array:
        return np.array([[each.signals[name] for name in self.signal_names] for each in scored])


BY_WORDS = Calibrated(
    language=ENGLISH,
    version="quotes-en-4",
    signal_names=SIGNAL_NAMES,
    held_back=("api-guide", "island-nature", "rowing-club", "shelter-policy", "tool-hire"),
    deceptive=(
        "water-heater",
        "grocers-report",
        "theatre-handbook",
        "cemetery-bylaws",
        "tramway-report",
        "heart-leaflet",
        "mailer-changelog",
        "bee-handbook",
        "sound-archive",
    ),
    ridge=0.5,
    answer_from=0.7,
    certain_from=0.75,
)
CALIBRATED = (
    BY_WORDS,
    replace(
        BY_WORDS,
        version="quotes-en-5-entailment",
        signal_names=(*SIGNAL_NAMES, PREMISE_DENIED),
        fits_deceptive=True,
    ),
    Calibrated(
        language=GERMAN,
        version="quotes-de-3",
        signal_names=GERMAN_SIGNAL_NAMES,
        held_back=("reha-merkblatt", "verein-protokolle"),
        deceptive=("stadtwerke-faq", "wasserverband"),
        ridge=1.0,
        answer_from=0.7,
        certain_from=0.75,
    ),
)
CLOSED_PROBABILITY = 0.05
SURE = 0.85


def held_out(kind: Calibrated, scored: list[ScoredQuestion]) -> Array:
    """Return each probability, closed gates included, from a fit on the other collections."""
    right = np.array([float(each.is_right) for each in scored])
    groups = [each.collection for each in scored]
    probabilities = leave_one_out(kind.matrix(scored), right, groups, ridge=kind.ridge)
    closed = np.array([each.is_closed for each in scored])
    return np.where(closed, np.minimum(probabilities, CLOSED_PROBABILITY), probabilities)


class Figures:
    """Figures of some questions.

    :param probabilities: of their answers.
    """

    def __init__(self, kind: Calibrated, scored: list[ScoredQuestion], probabilities: Array) -> None:
        self._answer_from, self._certain_from = kind.answer_from, kind.certain_from
        self.count = len(scored)
        self._p = probabilities
        self._right = np.array([float(each.is_right) for each in scored])
        self._answerable = np.array([float(each.question.answerable) for each in scored])
        self._near = np.array([each.question.near_miss is not None for each in scored])

    def precision(self, some: Array | None = None) -> float:
        some = self._all(some)
        given = self._p[some] >= self._answer_from
        return float(self._right[some][given].mean()) if given.any() else float("nan")

    def recall(self, some: Array | None = None) -> float:
        some = self._all(some)
        given = self._p[some] >= self._answer_from
        return float(self._right[some][given].sum() / max(1.0, self._answerable[some].sum()))

    def near_misses(self, some: Array | None = None) -> float:
        some = self._all(some)
        near = self._near[some]
        return float((self._p[some] >= self._answer_from)[near].mean()) if near.any() else float("nan")

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
        given = self._p[some] >= self._answer_from
        return float((self._p[some] < self._certain_from)[given].mean()) if given.any() else float("nan")

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
    console: Console, kind: Calibrated, scored: list[ScoredQuestion], probabilities: Array
) -> tuple[dict[str, object], dict[str, dict[str, float]]]:
    """Print the held-out figures, and return those of all, with their intervals, and of each collection."""
    table = Table("held out", "questions", *FIGURES)
    each_of: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(each.collection for each in scored):
        mine = [index for index, each in enumerate(scored) if each.collection == name]
        figures = Figures(kind, [scored[index] for index in mine], probabilities[mine])
        values = {figure: round(getattr(figures, figure)(), 3) for figure in FIGURES}
        each_of[name] = {figure: value for figure, value in values.items() if value == value}
        table.add_row(name, str(figures.count), *(f"{value:.2f}" for value in values.values()))
    figures = Figures(kind, scored, probabilities)
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


def show_by_kind(
    console: Console, kind: Calibrated, scored: list[ScoredQuestion], probabilities: Array
) -> None:
    """Print the held-out figures of the deceptive collections, and of the others."""
    is_deceptive = np.array([each.collection in kind.deceptive for each in scored])
    for title, some in (("written to pass the gate", is_deceptive), ("all others", ~is_deceptive)):
        chosen = [each for each, is_chosen in zip(scored, some, strict=True) if is_chosen]
        console.print(f"held out, {title}:")
        show(console, kind, chosen, probabilities[some])


def held_back(kind: Calibrated, scored: list[ScoredQuestion], weights: Array) -> Array:
    """Return each probability of questions that were in no fit, closed gates included."""
    probabilities = predict(weights, kind.matrix(scored))
    closed = np.array([each.is_closed for each in scored])
    return np.where(closed, np.minimum(probabilities, CLOSED_PROBABILITY), probabilities)


def packaged(
    kind: Calibrated,
    weights: Array,
    scored: list[ScoredQuestion],
    figures: dict[str, object],
    each_of: dict[str, dict[str, float]],
    kept: dict[str, object],
) -> dict[str, Any]:
    collections = dict.fromkeys(each.collection for each in scored)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    return {
        "version": kind.version,
        "language": kind.language,
        "reranker": SCORERS[kind.language],
        "intercept": round(float(weights[0]), 4),
        "weights": {
            name: round(float(weight), 4) for name, weight in zip(kind.signal_names, weights[1:], strict=True)
        },
        "answer_from": kind.answer_from,
        "certain_from": kind.certain_from,
        "closed_probability": CLOSED_PROBABILITY,
        "fitted": {
            "by": "python bench/fit_answers.py --write",
            "on": today,
            "ridge": kind.ridge,
            "questions": {name: sum(each.collection == name for each in scored) for name in collections},
            "held_out": figures,
            "held_out_by_collection": each_of,
            "held_back": kept,
        },
    }


async def scored_questions(scores: StoredScores) -> list[ScoredQuestion]:
    scored = []
    for collection in load_collections():
        scored += await score_questions(collection, scores)
        scores.save()
    return scored


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--write", action="store_true", help="put the fit on all collections into the package"
    )
    parser.add_argument("--scores", type=Path, help="keep the models' scores in this file")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    scored = asyncio.run(scored_questions(StoredScores(arguments.scores)))
    for kind in CALIBRATED:
        known = [each for each in scored if each.language == kind.language]
        if kind.needs_entailment and not all(PREMISE_DENIED in each.signals for each in known):
            console.print(f"{kind.version}: not fitted, run `vital models install entailment`")
            continue
        calibration = calibrate(console, kind, known)
        if arguments.write:
            kind.file.write_text(json.dumps(calibration, indent=2, ensure_ascii=False) + "\n")
    return 0


def calibrate(console: Console, kind: Calibrated, scored: list[ScoredQuestion]) -> dict[str, Any]:
    """Fit a language's calibration, and print its figures."""
    console.print(f"{kind.version}:")
    fitted = [each for each in scored if each.collection not in kind.unfitted]
    probabilities = held_out(kind, fitted)
    figures, each_of = show(console, kind, fitted, probabilities)
    right = np.array([float(each.is_right) for each in fitted])
    weights = fit(kind.matrix(fitted), right, ridge=kind.ridge)
    last = [each for each in scored if each.collection in kind.held_back]
    console.print("in no fit:")
    kept, _ = show(console, kind, last, held_back(kind, last, weights))
    if kind.fits_deceptive:
        show_by_kind(console, kind, fitted, probabilities)
    else:
        deceptive = [each for each in scored if each.collection in kind.deceptive]
        console.print("in no fit, and written to pass the gate:")
        show(console, kind, deceptive, held_back(kind, deceptive, weights))
    calibration = packaged(kind, weights, fitted, figures, each_of, kept)
    console.print(calibration["weights"])
    return calibration


if __name__ == "__main__":
    sys.exit(main())
