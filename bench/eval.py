"""Ask the sample questions of each model and print how good the answers are.

    python bench/eval.py [MODEL …] [--json FOLDER] [--against FOLDER] [--questions N]

Without a name all installed models are asked: the extractive composer and what `vital models install` has
put there. Ends with 1 where the composer misses a floor. Every miss is listed with its reason. The results go
into FOLDER (by default bench/results), one file a model, and what has changed since the last ones is printed.
The models are taken from, or installed into, the data directory (``VITAL_DATA_DIR``); the documents go into a
temporary one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from judging import Answered, Question, Verdict, figures, judge, missed_floors
from opened_documents import TENANT, opened
from vital_shared import BaseWorkflow, Settings, WorkflowInput, WorkflowMode, node
from vital_shared.models.event import RunFinished, Token
from vital_shared.retrieval.base import Retrieved
from vital_shared.retrieval.weights import install

KNOWLEDGE = Path(__file__).parent.parent / "examples" / "knowledge"
RESULTS = Path(__file__).parent / "results"
NOTHING = Retrieved()


class Evaluated(BaseWorkflow, methods=("ask",)):
    """The workflow as it is, and the passages that its last answer was made from."""

    seen = NOTHING

    @node
    async def kept(self, passages: Retrieved = NOTHING) -> None:
        self.seen = passages

    async def ask(self, question: str, model: str = "extractive") -> Answered:
        asked = WorkflowInput(
            query=question, mode=WorkflowMode.MODE_2, tenant_id=TENANT, user_id=TENANT, model=model
        )
        start, first = time.perf_counter(), None
        async for event in self.execute_stream(asked):
            if isinstance(event, Token):
                first = first or time.perf_counter()
            elif isinstance(event, RunFinished):
                output = event.output
        return Answered(
            model=output.model or "",
            text=output.response,
            citations=output.citations,
            passages=self.seen.passages,
            abstained="no_sources" in output.degradation_reasons,
            groundedness=output.groundedness,
            probability=output.answer_probability,
            cost=output.cost.total,
            output_tokens=output.tokens.output,
            first_text_seconds=(first or time.perf_counter()) - start,
            total_seconds=time.perf_counter() - start,
        )


def show_misses(console: Console, verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        for miss in verdict.misses:
            console.print(f"[bold]{verdict.id}[/] {verdict.question}\n    ", end="")
            console.print(miss, markup=False, highlight=False)


def show(console: Console, results: dict[str, dict[str, str]], before: dict[str, dict[str, str]]) -> None:
    """Print a column for each model, and what it was the last time where that has changed."""
    table = Table("what", *results)
    for name in next(iter(results.values())):
        cells = []
        for model, shown in results.items():
            then = before.get(model, {}).get(name)
            cells.append(shown[name] + (f"\n(was {then})" if then not in (None, shown[name]) else ""))
        table.add_row(name, *cells)
    console.print(table)


def sample_questions() -> list[Question]:
    return [Question(**one) for one in json.loads((KNOWLEDGE / "questions.json").read_text())]


def sample_documents() -> list[Path]:
    return [path for path in sorted(KNOWLEDGE.iterdir()) if path.suffix != ".json"]


async def run(console: Console, models: list[str], limit: int | None) -> dict[str, list[Verdict]]:
    await asyncio.to_thread(install, Settings().models_path)
    questions, documents = sample_questions()[:limit], sample_documents()
    async with opened(documents) as services:
        console.print(f"{len(documents)} documents, {len(questions)} questions")
        workflow = Evaluated(services)
        verdicts = {}
        for model in models or reversed(services.models.names):
            await workflow.ask("Which devices need a 510(k)?", model)  # loads the model
            verdicts[model] = [judge(each, await workflow.ask(each.question, model)) for each in questions]
        return verdicts


def _file(folder: Path, model: str) -> Path:
    return folder / f"{model.replace(':', '-').replace('/', '-')}.json"


def last(folder: Path) -> dict[str, dict[str, str]]:
    reports = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return {report["model"]: report["figures"] for report in reports}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "models", nargs="*", help="extractive, local:smollm2, openai:… (default: all installed)"
    )
    parser.add_argument("--json", type=Path, default=RESULTS, help="write the results into this folder")
    parser.add_argument(
        "--against", type=Path, help="compare with the results in this one (default: the same)"
    )
    parser.add_argument("--questions", type=int, help="ask only this many")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    before = last(arguments.against or arguments.json)
    verdicts = asyncio.run(run(console, arguments.models, arguments.questions))
    results = {model: figures(model, each) for model, each in verdicts.items()}
    arguments.json.mkdir(parents=True, exist_ok=True)
    for model, each in verdicts.items():
        console.rule(model)
        show_misses(console, each)
        report = {
            "model": model,
            "measured": f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {platform.machine()}",
            "figures": results[model],
            "answers": [asdict(verdict) for verdict in each],
        }
        _file(arguments.json, model).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    show(console, results, before)
    missed = missed_floors(verdicts["extractive"]) if "extractive" in verdicts else []
    for miss in missed:
        console.print(f"[bold red]{miss}[/]")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
