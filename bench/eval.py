"""Ask the sample questions and print how good the answers are.

    python bench/eval.py [--json FILE]

Ends with 1 where a floor is missed. Every miss is listed with its reason. The models are taken from, or
installed into, the data directory (``VITAL_DATA_DIR``); the documents go into a temporary one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vital_shared import BaseWorkflow, Services, Settings, WorkflowInput, WorkflowMode, node
from vital_shared.models.citation import Citation, Passage
from vital_shared.models.event import RunFinished, Token
from vital_shared.retrieval.base import Retrieved
from vital_shared.retrieval.ingest import Ingestor
from vital_shared.retrieval.weights import install

KNOWLEDGE = Path(__file__).parent.parent / "examples" / "knowledge"
TENANT = "eval"
NOTHING = Retrieved()
FLOORS = {"sources": 0.92, "facts": 0.80, "citations": 1.0, "abstained": 1.0}


@dataclass(frozen=True)
class Question:
    id: str
    question: str
    answerable: bool
    facts: list[list[str]] = field(default_factory=list)
    """Each fact as the list of its spellings."""
    sources: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answered:
    text: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    abstained: bool
    groundedness: float | None
    first_text_seconds: float
    total_seconds: float


class Evaluated(BaseWorkflow):
    """The workflow as it is, and the passages that its last answer was made from."""

    seen = NOTHING

    @node
    async def kept(self, passages: Retrieved = NOTHING) -> None:
        self.seen = passages

    async def ask(self, question: str) -> Answered:
        asked = WorkflowInput(query=question, mode=WorkflowMode.MODE_2, tenant_id=TENANT, user_id=TENANT)
        start, first = time.perf_counter(), None
        async for event in self.execute_stream(asked):
            if isinstance(event, Token):
                first = first or time.perf_counter()
            elif isinstance(event, RunFinished):
                output = event.output
        return Answered(
            text=output.response,
            citations=output.citations,
            passages=self.seen.passages,
            abstained="no_sources" in output.degradation_reasons,
            groundedness=output.groundedness,
            first_text_seconds=(first or time.perf_counter()) - start,
            total_seconds=time.perf_counter() - start,
        )


@dataclass
class Verdict:
    """What is right and wrong about one answer; None: does not apply."""

    id: str
    question: str
    answer: str
    found_source: bool | None
    has_facts: bool | None
    citations: int
    resolved: int
    abstained: bool
    answerable: bool
    groundedness: float | None
    first_text_seconds: float
    total_seconds: float
    misses: list[str]


def judge(question: Question, answered: Answered) -> Verdict:
    texts = {passage.id: passage.text for passage in answered.passages}
    resolved = sum(citation.quote in texts.get(citation.passage_id, "") for citation in answered.citations)
    first = [passage.uri for passage in answered.passages[:3]]
    found = any(Path(uri).name in question.sources for uri in first) if question.answerable else None
    missing = [
        fact[0] for fact in question.facts if not any(_plain(f) in _plain(answered.text) for f in fact)
    ]
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
        answer=answered.text,
        found_source=found,
        has_facts=not missing if question.answerable else None,
        citations=len(answered.citations),
        resolved=resolved,
        abstained=answered.abstained,
        answerable=question.answerable,
        groundedness=answered.groundedness,
        first_text_seconds=answered.first_text_seconds,
        total_seconds=answered.total_seconds,
        misses=misses,
    )


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


def show(console: Console, verdicts: list[Verdict]) -> bool:
    """Print the table and the misses; return whether all floors are met."""
    table = Table("what", "reached", "share", "floor")
    passed = True
    for name, (reached, of) in summary(verdicts).items():
        share = reached / of if of else 1.0
        floor = FLOORS.get(name)
        good = floor is None or share >= floor
        passed = passed and good
        style = "" if good else "bold red"
        table.add_row(
            name, f"{reached} of {of}", f"{share:.0%}", f"{floor:.0%}" if floor else "", style=style
        )
    grounded = [v.groundedness for v in verdicts if v.groundedness is not None]
    if grounded:
        table.add_row("groundedness, mean", "", f"{sum(grounded) / len(grounded):.0%}", "")
    for name, times in (
        ("first text", [v.first_text_seconds for v in verdicts]),
        ("whole answer", [v.total_seconds for v in verdicts]),
    ):
        table.add_row(f"{name}, p50 / p95", f"{_at(times, 0.5):.0f} / {_at(times, 0.95):.0f} ms", "", "")
    for verdict in verdicts:
        for miss in verdict.misses:
            console.print(f"[bold]{verdict.id}[/] {verdict.question}\n    ", end="")
            console.print(miss, markup=False, highlight=False)
    console.print(table)
    return passed


def _at(seconds: list[float], share: float) -> float:
    """Return a percentile, in milliseconds."""
    return 1000 * sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]


async def run(console: Console) -> list[Verdict]:
    models = Settings().data_dir / "models"
    await asyncio.to_thread(install, models.parent)
    questions = [Question(**one) for one in json.loads((KNOWLEDGE / "questions.json").read_text())]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(models)
        services = await Services.open(Settings(data_dir=Path(folder), database_url=""))
        try:
            documents = [path for path in sorted(KNOWLEDGE.iterdir()) if path.suffix != ".json"]
            ingestor = Ingestor(services.knowledge, services.embedder)
            async for result in ingestor.ingest_paths(documents, tenant_id=TENANT):
                if result.status == "failed":
                    raise SystemExit(result.message)
            workflow = Evaluated(services)
            await workflow.ask("What is this about?")  # loads the models
            console.print(f"{len(documents)} documents, {len(questions)} questions")
            return [judge(question, await workflow.ask(question.question)) for question in questions]
        finally:
            await services.aclose()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write all answers and verdicts to this file")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    verdicts = asyncio.run(run(console))
    if arguments.json:
        counted = {name: {"reached": n, "of": of} for name, (n, of) in summary(verdicts).items()}
        report = {"summary": counted, "answers": [asdict(verdict) for verdict in verdicts]}
        arguments.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return 0 if show(console, verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
