"""Measure what a request costs each component with 1, 2 and 3 replicas, and compute how far that goes.

Prints tables; nothing is a target, since all of it shares one machine::

    python bench/scale.py [--quick] [--json FILE]

The replicas share a Postgres, which counts its statements, and a Redis, each behind a proxy that
counts bytes. The provider is a local server that streams ten pieces. Half of the requests are streamed. What
a component uses at rest is measured first, and taken off. Processor time is the kernel's own account
(`/proc/…/schedstat`), which a busy machine hardly changes; the throughput that is printed is that of this
machine, with everything on it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import uvloop
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.chaos.stack import running_stack

from scale_durable import Comparison, compare_durable
from scale_load import ask_all
from scale_model import Measured, Part, parts_of, requests_per_second
from scale_usage import Usage, used

REPLICAS = (1, 2, 3)
MODEL_SIZES = (1, 3, 10, 100, 1_000)
ANSWER_SECONDS = 0.2
AT_ONCE_PER_REPLICA = 8


class Effort(NamedTuple):
    """The length of a measurement."""

    requests: int
    rest_seconds: float
    rounds: int


QUICK = Effort(requests=300, rest_seconds=10.0, rounds=3)
WHOLE = Effort(requests=3_000, rest_seconds=60.0, rounds=10)


async def measured_with(replicas: int, effort: Effort) -> tuple[Measured, float]:
    """Measure a number of replicas; also return the requests per second of all."""
    with tempfile.TemporaryDirectory(prefix="vital-scale-") as folder:
        async with running_stack(Path(folder), ANSWER_SECONDS, replicas, counts_statements=True) as stack:
            at_once = AT_ONCE_PER_REPLICA * replicas
            await ask_all(stack, at_once * 4, at_once)  # what is loaded and prepared once
            before = await used(stack)
            await asyncio.sleep(effort.rest_seconds)
            second = (await used(stack) - before) / effort.rest_seconds
            before, began = await used(stack), time.perf_counter()
            await ask_all(stack, effort.requests, at_once)
            seconds = time.perf_counter() - began
            total = await used(stack) - before
    asked = _without_rest(total, second, seconds) / effort.requests
    return Measured(replicas, asked, second / replicas), effort.requests / seconds


def _without_rest(total: Usage, second: Usage, seconds: float) -> Usage:
    return total - second / (1 / seconds)


def usage_table(measured: list[tuple[Measured, float]]) -> Table:
    """Show what each number of replicas uses."""
    table = Table(
        "of one request", *(f"{each.replicas} replicas" for each, _ in measured), "at rest, a second"
    )
    rows = (
        ("engine: processor, ms", "engine_cpu", 1e3),
        ("Postgres: processor, ms", "postgres_cpu", 1e3),
        ("Postgres: statements", "statements", 1),
        ("Postgres: commits", "commits", 1),
        ("Postgres: log, kB", "wal_bytes", 1e-3),
        ("Postgres: network, kB", "postgres_bytes", 1e-3),
        ("Redis: processor, ms", "redis_cpu", 1e3),
        ("Redis: commands", "redis_commands", 1),
        ("Redis: network, kB", "redis_bytes", 1e-3),
    )
    for shown, name, scale in rows:
        cells = [f"{getattr(each.request, name) * scale:.2f}" for each, _ in measured]
        table.add_row(shown, *cells, f"{getattr(measured[-1][0].second, name) * scale:.2f}")
    table.add_row("requests/s on this machine", *(f"{rate:.0f}" for _, rate in measured), "")
    return table


def model_table(measured: Measured, parts: list[Part]) -> Table:
    """Show what many replicas need, in servers of each kind."""
    rate = requests_per_second(measured)
    table = Table("replicas", "requests/s", *(part.name for part in parts))
    for size in MODEL_SIZES:
        needed = (f"{part.per_replica * size / part.limit:.2f}" for part in parts)
        table.add_row(f"{size:,}", f"{size * rate:,.0f}", *needed)
    return table


def durable_table(found: Comparison) -> Table:
    """Show what durability costs a run with one call of a second."""
    table = Table("a run with one call of 1 s", "not durable", "durable", "more")
    for name, (without, with_) in found.figures().items():
        table.add_row(name, f"{without:.2f}", f"{with_:.2f}", f"{with_ / without - 1:+.1%}")
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few requests")
    parser.add_argument("--json", type=Path, help="keep the figures here")
    chosen = parser.parse_args()
    effort = QUICK if chosen.quick else WHOLE
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured = [runner.run(measured_with(replicas, effort)) for replicas in REPLICAS]
        durable = runner.run(compare_durable(effort.rounds))
    parts = list(parts_of(measured[-1][0]))
    first = parts[0]
    console = Console(width=160)
    console.print(usage_table(measured))
    console.print("Servers that many replicas need, of a kind that bench/scale_model.py describes:")
    console.print(model_table(measured[-1][0], parts))
    console.print(f"Full first: {first.name}, of one server at {first.replicas:,.0f} busy replicas.")
    console.print(durable_table(durable))
    if chosen.json:
        figures = {
            "measured": [asdict(each) | {"requests_per_second": rate} for each, rate in measured],
            "parts": [asdict(part) | {"replicas": part.replicas} for part in parts],
            "durable": durable.figures(),
        }
        chosen.json.write_text(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
