"""Ask the questions of all collections, and print what is found, what is answered, and how surely.

    python bench/eval_collections.py [COLLECTION …] [--json FILE]

Beside the engine, LangChain and Haystack retrieve from the same documents by the same embedding model, each
as it does by default, where they are installed (`make eval` does so). The calibration knows most of these
questions: its held-out figures, from fits on the other collections, follow, with its version. English
has another calibration where the entailment model is installed. Ends with 1 where a framework finds more
answers among its first five passages, or the answers of all collections miss a floor.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from bs4 import BeautifulSoup
from rich.console import Console
from rich.table import Table

from collection import Collection, load_collections
from eval import Evaluated
from judging import Answered, Question, holds_facts
from opened_documents import opened
from peers.retrieval import PEERS, TOP, Found
from regression import area_under_curve, calibration_error
from vital_shared import Services
from vital_shared.llm.answer_calibration import SCORERS, shipped_calibration
from vital_shared.llm.evidence import weigh

FLOORS = {"precision": 0.85, "recall": 0.60, "area": 0.80}
MOST_NEAR_MISSES = 0.15
HELD_OUT = ("precision", "recall", "near_misses", "area")


@dataclass
class Retrieval:
    """Answerable questions, and how many of them find what they need."""

    questions: int = 0
    first: int = 0
    among_five: int = 0
    facts_among_five: int = 0

    def count(self, question: Question, found: Sequence[Found]) -> None:
        sources = [passage.source for passage in found[:TOP]]
        self.questions += 1
        self.first += bool(sources) and sources[0] in question.sources
        self.among_five += any(source in question.sources for source in sources)
        self.facts_among_five += holds_facts(question, "\n".join(each.text for each in found[:TOP]))

    @property
    def cells(self) -> list[str]:
        counts = (self.first, self.among_five, self.facts_among_five)
        return [f"{count / max(1, self.questions):.2f}" for count in counts]


@dataclass(frozen=True)
class HeldOut:
    """A collection's figures from a fit on the others."""

    calibration: str
    """The version of the calibration."""

    figures: Mapping[str, float]

    @property
    def cells(self) -> list[str]:
        figures = (f"{self.figures[name]:.2f}" if name in self.figures else "" for name in HELD_OUT)
        return [self.calibration, *figures]


def held_out_figures(collection: str, *, with_entailment: bool) -> HeldOut | None:
    """Return a collection's held-out figures in the calibration that its questions are answered by.

    :param with_entailment: whether the entailment model is installed.
    """
    for language in SCORERS:
        calibration = shipped_calibration(language, with_entailment=with_entailment)
        figures = calibration.fitted["held_out_by_collection"].get(collection)
        if figures is not None:
            return HeldOut(calibration.version, figures)
    return None


@dataclass
class Answers:
    """Counts of a collection's questions by their answers."""

    answerable: int = 0
    answered: int = 0
    right: int = 0
    near_misses: Counter[str] = field(default_factory=Counter)
    near_misses_answered: Counter[str] = field(default_factory=Counter)
    probabilities: list[tuple[float, bool]] = field(default_factory=list)
    """Each answer's probability, given or held back, and whether it is right."""

    held_out: HeldOut | None = None
    """The figures of a fit without this collection; None where no calibration has been fitted on it."""

    def count(self, question: Question, answer: Answered, text: str) -> None:
        """Count an answer.

        :param text: what was given, or held back.
        """
        would_be_right = question.answerable and holds_facts(question, text)
        is_right = would_be_right and not answer.abstained
        self.answerable += question.answerable
        self.answered += not answer.abstained
        self.right += is_right
        if question.near_miss is not None:
            self.near_misses[question.near_miss] += 1
            self.near_misses_answered[question.near_miss] += not answer.abstained
        if answer.probability is not None:
            self.probabilities.append((answer.probability, would_be_right))

    def add(self, other: Answers) -> None:
        self.answerable += other.answerable
        self.answered += other.answered
        self.right += other.right
        self.near_misses += other.near_misses
        self.near_misses_answered.update(other.near_misses_answered)
        self.probabilities += other.probabilities

    @property
    def figures(self) -> dict[str, float]:
        scores = np.array([probability for probability, _ in self.probabilities])
        right = np.array([float(is_right) for _, is_right in self.probabilities])
        misses = self.near_misses.total()
        return {
            "precision": self.right / max(1, self.answered),
            "recall": self.right / max(1, self.answerable),
            "near_misses": self.near_misses_answered.total() / misses if misses else float("nan"),
            "area": area_under_curve(scores, right) if len(scores) else float("nan"),
            "calibration_error": calibration_error(scores, right) if len(scores) else float("nan"),
        }


async def ask_all(collection: Collection) -> tuple[Answers, dict[str, Retrieval]]:
    async with opened(collection.documents) as services:
        held_out = held_out_figures(collection.name, with_entailment=services.entailment is not None)
        workflow, answers = Evaluated(services), Answers(held_out=held_out)
        retrieval = {"VITAL": Retrieval()}
        for question in collection.questions:
            answer = await workflow.ask(question.question)
            held_back = await text_held_back(question, answer, services) if answer.abstained else answer.text
            answers.count(question, answer, held_back)
            if question.answerable:
                found = [Found(Path(each.uri).name, each.text) for each in answer.passages]
                retrieval["VITAL"].count(question, found)
        return answers, retrieval | await peers(collection, services)


async def text_held_back(question: Question, answer: Answered, services: Services) -> str:
    """Return what would have been quoted, were there no gate."""
    if services.reranker is None:
        return ""
    evidence = await weigh(question.question, answer.passages, services.reranker)
    return " ".join(piece.text for piece in evidence.pieces) if evidence else ""


async def peers(collection: Collection, services: Services) -> dict[str, Retrieval]:
    """Ask the frameworks that are installed."""
    installed = find_spec("langchain_text_splitters") is not None and find_spec("haystack") is not None
    if not installed or services.embedder is None:
        return {}
    texts = {path.name: plain_text(path) for path in collection.documents}
    counted = {}
    for name, build in PEERS.items():
        search = await build(texts, services.embedder)
        counted[name] = Retrieval()
        for question in collection.questions:
            if question.answerable:
                counted[name].count(question, await search(question.question))
    return counted


def plain_text(path: Path) -> str:
    """Read a document as the frameworks' simple loaders do."""
    text = path.read_text(encoding="utf-8")
    return BeautifulSoup(text, "lxml").get_text("\n") if path.suffix == ".html" else text


def show(
    console: Console, answers: dict[str, Answers], retrieval: dict[str, dict[str, Retrieval]], all_of: Answers
) -> None:
    found = Table("R@1, R@5, facts in the first 5", "questions", *next(iter(retrieval.values())))
    for name, systems in retrieval.items():
        cells = ["  ".join(each.cells) for each in systems.values()]
        found.add_row(name, str(systems["VITAL"].questions), *cells)
    console.print(found)
    given = Table("extractive", *all_of.figures)
    for name, each in [*answers.items(), ("all", all_of)]:
        given.add_row(name, *(f"{value:.2f}" for value in each.figures.values()))
    console.print(given)
    held_out = Table("held out", "calibration", *HELD_OUT)
    for name, each in answers.items():
        if each.held_out:
            held_out.add_row(name, *each.held_out.cells)
    console.print(held_out)
    kinds = Table("near misses", "answered")
    for kind, count in all_of.near_misses.items():
        kinds.add_row(kind, f"{all_of.near_misses_answered[kind]} of {count}")
    console.print(kinds)


def missed(all_of: Answers, retrieval: dict[str, dict[str, Retrieval]]) -> list[str]:
    """Return what falls short."""
    figures = all_of.figures
    shortfalls = [
        f"{name} is {figures[name]:.2f}, and the floor is {floor:.2f}"
        for name, floor in FLOORS.items()
        if figures[name] < floor
    ]
    if figures["near_misses"] > MOST_NEAR_MISSES:
        shortfalls.append(f"{figures['near_misses']:.2f} of the near misses are answered")
    for name, systems in retrieval.items():
        ours = systems["VITAL"].among_five
        shortfalls += [
            f"{name}: {peer} finds {counted.among_five} among its first five, and we {ours}"
            for peer, counted in systems.items()
            if counted.among_five > ours
        ]
    return shortfalls


async def run(
    names: Sequence[str], console: Console
) -> tuple[dict[str, Answers], dict[str, dict[str, Retrieval]]]:
    answers, retrieval = {}, {}
    for collection in load_collections():
        if not names or collection.name in names:
            answers[collection.name], retrieval[collection.name] = await ask_all(collection)
            console.print(f"{collection.name}: {len(collection.questions)} questions")
    return answers, retrieval


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collections", nargs="*", help="bike-faq, harbour-notices … (default: all)")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    answers, retrieval = asyncio.run(run(arguments.collections, console))
    all_of = Answers()
    for each in answers.values():
        all_of.add(each)
    show(console, answers, retrieval, all_of)
    if arguments.json:
        figures = {
            name: {"answers": each.figures, "retrieval": {k: asdict(v) for k, v in retrieval[name].items()}}
            for name, each in answers.items()
        }
        arguments.json.write_text(json.dumps(figures | {"all": all_of.figures}, indent=2) + "\n")
    problems = missed(all_of, retrieval)
    for problem in problems:
        console.print(f"[bold red]{problem}[/]")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
