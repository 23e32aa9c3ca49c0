"""Measure what it costs that a run survives its process: durable = "nodes" beside durable = "pauses".

    python bench/durable.py [--rounds N] [--seconds S] [--database URL] [--models] [--items]

A run of `BaseWorkflow` with two canned sources and one call of a model that takes a second, in the library,
on SQLite or another database; or, with `--items`, of a fan-out whose ten items call the model, two at a time.
Printed are microseconds of a processor a run, and the median duration of a
run, as the median of interleaved rounds with their quartiles, and what durability adds to both.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from vital_shared import BaseWorkflow, Outcome, Workflow, WorkflowInput, fan_out, node
from vital_shared.llm.base import ModelEvent, ModelRequest
from vital_shared.models.durability import DURABILITIES, Durability
from vital_shared.settings import Settings
from vital_shared.testing import CannedModel, CannedSource, passage, question, workflow_services
from vital_shared.workflows.services import Services

RUNS_PER_ROUND: Final = 60
CONCURRENT_RUNS: Final = 20
MAX_ADDED: Final = 0.05
"""The share of the processor's time and of the median duration that the default may add."""


class SlowModel(CannedModel):
    """A model that thinks for a while before its first word."""

    def __init__(self, text: str, seconds: float) -> None:
        super().__init__(text)
        self._seconds = seconds

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Wait, and write the answer."""
        await asyncio.sleep(self._seconds)
        async for event in super().stream(request):
            yield event


class Lasting(BaseWorkflow):
    """The built-in workflow, durable as wanted."""


class Itemised(Workflow):
    """A call for each of ten items, each of which is stored as it finishes."""

    @node
    async def items(self, query: str) -> tuple[str, ...]:
        return tuple(f"{query} {number}" for number in range(10))

    @fan_out("item", over="items", limit=2)
    async def texts(self, item: str) -> str:
        return await self.llm(item, model="canned")

    @node
    async def answer(self, texts: Sequence[Outcome[str]]) -> str:
        return f"{len(texts)} texts."


class Measured:
    """The rounds of one durability."""

    def __init__(self) -> None:
        self.microseconds: list[float] = []
        self.medians: list[float] = []


async def measure(services: Services, rounds: int, kind: type[Workflow]) -> dict[Durability, Measured]:
    """Measure both, round by round in turn, after one that does not count."""
    found: dict[Durability, Measured] = {name: Measured() for name in DURABILITIES}
    for number in range(rounds + 1):
        for name in DURABILITIES if number % 2 else reversed(DURABILITIES):
            workflow = kind(services)
            workflow.durable = name
            cpu, seconds = await one_round(workflow)
            if number:
                found[name].microseconds.append(cpu)
                found[name].medians.append(seconds)
    return found


async def one_round(workflow: Workflow) -> tuple[float, float]:
    """Return the microseconds of a processor a run, and the median duration in seconds."""
    durations: list[float] = []
    turns = asyncio.Semaphore(CONCURRENT_RUNS)
    asked: WorkflowInput = question("How long does it take?", model="canned", enable_tools=False)

    async def run() -> None:
        async with turns:
            started = time.perf_counter()
            await workflow.execute_typed(asked)
            durations.append(time.perf_counter() - started)

    started = time.process_time()
    await asyncio.gather(*(run() for _ in range(RUNS_PER_ROUND)))
    used = time.process_time() - started
    return used / RUNS_PER_ROUND * 1e6, statistics.median(durations)


def show(found: dict[Durability, Measured]) -> bool:
    """Print the results, and return whether "nodes" costs no more than a default may."""
    table = Table("durable", "processor, µs a run", "quartiles", "p50, s", "quartiles")
    for name, each in found.items():
        row = [name]
        for values, form in ((each.microseconds, "{:,.0f}"), (each.medians, "{:.4f}")):
            low, middle, high = statistics.quantiles(values, n=4)
            row += [form.format(middle), f"{form.format(low)} to {form.format(high)}"]
        table.add_row(*row)
    console = Console()
    console.print(table)
    added = [
        statistics.median(getattr(found["nodes"], of)) / statistics.median(getattr(found["pauses"], of)) - 1
        for of in ("microseconds", "medians")
    ]
    console.print(f'"nodes" adds {added[0]:.1%} of the processor and {added[1]:.1%} of p50.')
    return max(added) < MAX_ADDED


async def main(options: argparse.Namespace) -> bool:
    """Measure, and print."""
    text = " ".join(["word"] * 200)
    passages = [passage(text, id=f"p{number}") for number in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        if options.models:
            (Path(folder) / "models").symlink_to(Settings().data_dir / "models")
        async with workflow_services(
            Path(folder),
            database_url=options.database,
            models=[SlowModel(" ".join(["word"] * 300), options.seconds)],
            sources=[CannedSource(passages, name="one"), CannedSource(passages, name="two")],
            cache_entries=0,
        ) as services:
            kind = Itemised if options.items else Lasting
            return show(await measure(services, options.rounds, kind))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--database", default="")
    parser.add_argument("--models", action="store_true", help="with the embedded models, as in an engine")
    parser.add_argument("--items", action="store_true", help="a fan-out of ten calls")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        raise SystemExit(0 if runner.run(main(given)) else 1)
