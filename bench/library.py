"""Measure what a run costs in the library, beside a floor written by hand.

    python bench/library.py [--rounds N] [--profile FILE]

`execute_typed` with a canned model of 20 words, without sources and tools, and with both (canned too). The
floor validates the same input, stores the same rows in SQLite in groups (the run when it begins; its end and
its charge when it ends), counts the same with prometheus_client, and returns the same output. Printed are
microseconds of a processor a run, of the event loop's thread and of the process, the median of interleaved
rounds with their quartiles. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import logging
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise
from pathlib import Path
from typing import Any, Final

import uvloop
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from rich.console import Console
from rich.table import Table

from vital_shared import BaseWorkflow, WorkflowInput
from vital_shared.models.model_call import Tokens
from vital_shared.models.workflow_io import Timings, WorkflowOutput
from vital_shared.testing import CannedModel, CannedSource, passage, workflow_services

NODES: Final = [f"node_{number}" for number in range(14)]
WORDS: Final = " ".join(["word"] * 19 + ["end."])
BATCH: Final = 40
AT_ONCE: Final = 8
TARGETS: Final = {"loop, µs": 700.0, "loop, of the floor": 2.5, "loop with sources and tools, µs": 1_500.0}
RAW: Final = {
    "query": "How long does the review of a marketing application take?",
    "mode": "2",
    "tenant_id": "acme",
    "user_id": "ann",
    "model": "canned",
}
PLAIN: Final = RAW | {"enable_rag": False, "enable_tools": False}
TOOLS: Final = RAW | {"requested_tools": [{"name": "calculator", "arguments": {"expression": "6 * 7"}}]}

Ask = Callable[[], Awaitable[WorkflowOutput]]

SCHEMA: Final = """
CREATE TABLE runs (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, user_id TEXT NOT NULL, mode TEXT NOT NULL,
    workflow TEXT NOT NULL, status TEXT NOT NULL, input TEXT NOT NULL, output TEXT, created_at TEXT NOT NULL,
    deadline_at TEXT NOT NULL, finished_at TEXT, duration_seconds REAL, quality_score REAL);
CREATE INDEX runs_of_tenant ON runs (tenant_id, created_at);
CREATE TABLE ledger (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, item TEXT NOT NULL,
    tenant_id TEXT NOT NULL, name TEXT NOT NULL, input_tokens INTEGER, output_tokens INTEGER,
    cost_nanos INTEGER NOT NULL, at TEXT NOT NULL, UNIQUE (run_id, item));
"""
BEGIN: Final = (
    "INSERT INTO runs (id, tenant_id, user_id, mode, workflow, status, input, created_at, deadline_at) "
    "VALUES (?, ?, ?, ?, 'floor', 'running', ?, ?, ?)"
)
END: Final = (
    "UPDATE runs SET status = 'completed', output = ?, finished_at = ?, duration_seconds = ?, "
    "quality_score = ? WHERE id = ? AND status = 'running'"
)
CHARGE: Final = (
    "INSERT INTO ledger (run_id, item, tenant_id, name, input_tokens, output_tokens, cost_nanos, at) "
    "VALUES (?, 'llm-1', ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


class GroupWriter:
    """Writes on SQLite in a thread; what comes while a transaction is under way goes into the next."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)
        self._thread = ThreadPoolExecutor(1)
        self._waiting: list[tuple[list[tuple[str, tuple[Any, ...]]], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def write(self, *statements: tuple[str, tuple[Any, ...]]) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((list(statements), done))
        if self._task is None:
            self._task = loop.create_task(self._drain())
        await done

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await loop.run_in_executor(self._thread, self._commit, [each for each, _ in batch])
            for _, done in batch:
                done.set_result(None)
        self._task = None

    def _commit(self, batch: list[list[tuple[str, tuple[Any, ...]]]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for statements in batch:
            for statement, values in statements:
                self._connection.execute(statement, values)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._thread.shutdown()
        self._connection.close()


class Floor:
    """Do by hand all that a run has to do."""

    def __init__(self, path: Path) -> None:
        registry = CollectorRegistry()
        self._writer = GroupWriter(path)
        self._active = Gauge("active", "Runs.", ["mode"], registry=registry)
        self._requests = Counter("requests", "Runs.", ["mode", "tenant", "outcome"], registry=registry)
        self._seconds = Histogram("seconds", "Runs.", ["mode", "cache"], registry=registry)
        self._first = Histogram("first", "First tokens.", ["mode", "model"], registry=registry)
        self._between = Histogram("between", "Tokens.", ["model"], registry=registry)
        self._node = Histogram("node", "Nodes.", ["node", "status"], registry=registry)
        self._before = Histogram("before", "Before the graph.", ["mode"], registry=registry)
        self._after = Histogram("after", "After the graph.", ["mode"], registry=registry)
        self._saved = Counter("saved", "Seconds.", ["mode"], registry=registry)
        self._agent = Counter("agent", "Runs.", ["agent"], registry=registry)
        self._quality = Histogram("quality", "Quality.", ["mode"], registry=registry)
        self._calls = Counter("calls", "Calls.", ["provider", "model", "status"], registry=registry)
        self._tokens = Counter("tokens", "Tokens.", ["model", "type"], registry=registry)
        self._cost = Counter("cost", "Dollars.", ["tenant", "mode", "type"], registry=registry)
        self._number = 0
        self._run = f"{time.time_ns():x}"

    async def ask(self) -> WorkflowOutput:
        asked = WorkflowInput.model_validate(PLAIN)
        start, mode, tenant = time.perf_counter(), asked.mode.value, asked.tenant_id
        self._number += 1
        run_id, now = f"run_{self._run}{self._number:016x}", time.time()
        self._active.labels(mode).inc()
        row = (run_id, tenant, asked.user_id, mode, asked.model_dump_json(), str(now), str(now + 120))
        await self._writer.write((BEGIN, row))
        words: list[str] = []
        times: list[float] = []
        async for word in _words():
            times.append(time.perf_counter())
            words.append(word)
        seconds = time.perf_counter() - start
        output = WorkflowOutput(
            run_id=run_id,
            status="completed",
            mode=asked.mode,
            tenant_id=tenant,
            agent_id=asked.agent_id,
            response="".join(words),
            model="canned",
            tokens=Tokens(input=10, output=len(words)),
            timings=Timings(total_seconds=seconds, time_to_first_token_seconds=times[0] - start, nodes=()),
        )
        end = (output.model_dump_json(), str(time.time()), seconds, 1.0, run_id)
        charge = (run_id, tenant, "canned", 10, len(words), 0, str(now))
        await self._writer.write((END, end), (CHARGE, charge))
        self._count(mode, tenant, seconds, times, start)
        return output

    def _count(self, mode: str, tenant: str, seconds: float, times: list[float], start: float) -> None:
        self._active.labels(mode).dec()
        self._requests.labels(mode, tenant, "success").inc()
        self._seconds.labels(mode, "miss").observe(seconds)
        self._first.labels(mode, "canned").observe(times[0] - start)
        between = self._between.labels("canned")
        for before, after in pairwise(times):
            between.observe(after - before)
        for node in NODES:
            self._node.labels(node, "success").observe(seconds)
        for histogram in (self._before, self._after):
            histogram.labels(mode).observe(seconds)
        self._saved.labels(mode).inc(0)
        self._agent.labels("generalist").inc()
        self._quality.labels(mode).observe(1.0)
        self._calls.labels("canned", "canned", "success").inc()
        self._tokens.labels("canned", "input").inc(10)
        self._tokens.labels("canned", "output").inc(20)
        self._cost.labels(tenant, mode, "llm").inc(0)

    def close(self) -> None:
        self._writer.close()


async def _words() -> AsyncIterator[str]:
    for word in WORDS.split():
        yield f"{word} "


async def batch(ask: Ask) -> tuple[float, float]:
    """Seconds of a processor that a run takes: of this thread, and of the process."""
    gc.collect()
    thread, process = time.thread_time(), time.process_time()
    for _ in range(BATCH // AT_ONCE):
        await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    return (time.thread_time() - thread) / BATCH, (time.process_time() - process) / BATCH


def spread(values: list[float]) -> tuple[float, str]:
    """The median in microseconds, and it with its quartiles as text."""
    low, middle, high = (value * 1e6 for value in statistics.quantiles(values, n=4))
    return middle, f"{middle:,.0f} ({low:,.0f} to {high:,.0f})"


async def main(rounds: int, profile: str | None) -> int:
    logging.disable(logging.INFO)
    source = CannedSource([passage("The review takes 42 days.")])
    with tempfile.TemporaryDirectory() as folder:
        floor = Floor(Path(folder) / "floor.sqlite3")
        async with workflow_services(Path(folder), models=[CannedModel(WORDS)], sources=[source]) as services:
            workflow = BaseWorkflow(services)

            def asker(raw: dict[str, Any]) -> Ask:
                numbers = count()  # so that no answer comes from the cache

                def ask() -> Awaitable[WorkflowOutput]:
                    asked = raw | {"query": f"{raw['query']} ({next(numbers)})"}
                    return workflow.execute_typed(WorkflowInput.model_validate(asked))

                return ask

            asks: dict[str, Ask] = {"floor": floor.ask, "plain": asker(PLAIN), "full": asker(TOOLS)}
            for ask in asks.values():
                await batch(ask)
            if profile:
                profiler = cProfile.Profile()
                profiler.enable()
                for _ in range(rounds):
                    await batch(asks["plain"])
                profiler.disable()
                profiler.dump_stats(profile)
                return 0
            taken: dict[str, list[tuple[float, float]]] = {name: [] for name in asks}
            for _ in range(rounds):
                for name, ask in asks.items():
                    taken[name].append(await batch(ask))
        floor.close()
    return show(taken)


def show(taken: dict[str, list[tuple[float, float]]]) -> int:
    names = {"floor": "floor", "plain": "a run, no sources or tools", "full": "a run with sources and tools"}
    table = Table(title="Processor time of a run, in microseconds: median (quartiles)")
    for column in ("", "event loop", "of the floor", "process", "of the floor"):
        table.add_column(column, justify="left" if not column else "right")
    medians: dict[str, float] = {}
    for name, values in taken.items():
        loop, shown_loop = spread([each[0] for each in values])
        process, shown_process = spread([each[1] for each in values])
        medians[name], medians[f"{name} process"] = loop, process
        ratios = (loop / medians["floor"], process / medians["floor process"])
        table.add_row(names[name], shown_loop, f"{ratios[0]:.2f} x", shown_process, f"{ratios[1]:.2f} x")
    Console().print(table)
    figures = {
        "loop, µs": medians["plain"],
        "loop, of the floor": medians["plain"] / medians["floor"],
        "loop with sources and tools, µs": medians["full"],
    }
    missed = {name: value for name, value in figures.items() if value > TARGETS[name]}
    for name, value in missed.items():
        print(f"missed: {name}: {value:,.2f}, at most {TARGETS[name]:,.2f}")
    return 1 if missed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--profile")
    chosen = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(main(chosen.rounds, chosen.profile)))
