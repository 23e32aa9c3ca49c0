"""Measure the gateway, one worker, beside relays written by hand, LiteLLM's proxy and Portkey's gateway.

Prints a table, and exits with 1 where a target is missed; `bench/service.py` prints it too::

    python bench/gateway.py [--quick] [--rounds N] [--no-memory] [--only NAME …] [--logs FOLDER]

All pass chat completions on to one local upstream, which sends the same answer over and over; each has one
worker, a key (Portkey's knows none), no cache, and logs of errors alone. Ours keeps its ledger, its runs and
its metrics beside. They take turns in short rounds. Figures are medians of the rounds, with the least and the
most in parentheses; the raw ones, and what each server printed, are kept in a folder.

"Added" is over what the upstream takes in the same round when it is asked directly. Streams of the lines "at
16" and "at 256" bring ten tokens a second each, and begin one after the other. CPU is that of the server's
processes; a token is what one more of a stream costs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

import llm_provider
from gateway_servers import READING, RELAY, VITAL, gateways
from measure import percentile
from service_client import Connection
from service_target import (
    Target,
    answer_cpu,
    check,
    direct,
    latencies,
    new,
    number,
    over_connections,
    rate,
    token_cpu,
)

MARK = b" some"
"""A part of the first word of an answer."""

STREAMS = 16, 256
STREAM_SECONDS = 2.0
"""The time that a slow stream takes, over which the first ones begin."""

MEMORY_STREAMS = 10_000
MEMORY_AT_ONCE = 256

LEAST_SECONDS = 0.000_05
"""The smallest added time that is shown: a smaller one is noise."""


@dataclass(frozen=True)
class Line:
    """A line of the table."""

    name: str
    figure: str
    unit: str
    scale: float
    at_least: bool = False
    floor: str = RELAY
    most_to_floor: float | None = None


LINES = (
    Line("answer, added p50", "added p50", "ms", 1e3),
    Line("answer, added p99", "added p99", "ms", 1e3),
    Line("answers per second, 16 connections", "rate", "/s", 1, at_least=True),
    Line("CPU for an answer", "answer CPU", "µs", 1e6),
    Line("first token, added, alone", "first, alone", "ms", 1e3),
    Line("first token, added, at 16 streams", "first at 16", "ms", 1e3),
    Line("first token, added, at 256 streams", "first at 256", "ms", 1e3),
    Line("CPU for a token, paced", "token, paced", "µs", 1e6, most_to_floor=2),
    Line("CPU for a token, in bursts", "token, burst", "µs", 1e6, floor=READING, most_to_floor=2),
    Line("memory after 10,000 streams, 256 at once", "memory", "MB", 1),
    Line("memory before", "memory before", "MB", 1),
)


@dataclass(frozen=True)
class Effort:
    """The number of rounds, and of calls and streams in each."""

    rounds: int
    calls: int = 100
    seconds: float = 1.0
    streams: Sequence[int] = STREAMS
    with_memory: bool = True


def effort(quick: bool, rounds: int = 5, with_memory: bool = True) -> Effort:
    """Choose between a whole measurement and a look."""
    return Effort(2, 40, 0.5, (16,), False) if quick else Effort(rounds, with_memory=with_memory)


async def measure(
    upstream: Target, servers: Sequence[Target], effort: Effort, keep: Callable[[], None]
) -> None:
    """Measure all of them in turn, and note the figures in each.

    :param keep: keeps what there is, after each round.
    """
    for target in servers:
        await latencies(target, "short", 20, new)  # what is loaded late is loaded now
        await first_tokens(target, "short", 1, 3)
    for _ in range(effort.rounds):
        plain = await _times(upstream, effort)
        for target in servers:
            for figure, seconds in (await _times(target, effort)).items():
                target.note(figure, max(seconds - plain[figure], LEAST_SECONDS))
            target.note("rate", await rate(target, "short", effort.seconds, new))
            target.note("answer CPU", await answer_cpu(target, effort.seconds))
            target.note("token, paced", await token_cpu(target, "paced", 4, 2))
            target.note("token, burst", await token_cpu(target, "burst", 1, 3))
        keep()
    if effort.with_memory:
        for target in servers:
            await _grow(target)
            keep()


async def _times(target: Target, effort: Effort) -> dict[str, float]:
    answers = await latencies(target, "short", effort.calls, new)
    found = {"added p50": statistics.median(answers), "added p99": percentile(answers, 99)}
    found["first, alone"] = await first_tokens(target, "short", 1, effort.calls // 4)
    for streams in effort.streams:
        found[f"first at {streams}"] = await first_tokens(target, "slow", streams, 2)
    return found


async def first_tokens(target: Target, kind: str, streams: int, count: int) -> float:
    """Return the median seconds to the first token with a number of streams at once, begun one by one."""
    taken: list[float] = []
    starts = iter(range(streams))

    async def client(connection: Connection) -> None:
        if streams > 1:
            await asyncio.sleep(next(starts) * STREAM_SECONDS / streams)
        for _ in range(count):
            answer = check(await connection.ask(target.ask(kind, True, new()), MARK))
            taken.append(answer.first)

    await over_connections(target, streams, client)
    return statistics.median(taken)


async def _grow(target: Target) -> None:
    """Note the memory after 10,000 streams, of which 256 are there at once."""
    assert target.server is not None
    target.note("memory before", target.server.memory())
    left = iter(range(MEMORY_STREAMS))

    async def client(connection: Connection) -> None:
        for _ in left:
            check(await connection.ask(target.ask("short", True, new())))

    await over_connections(target, MEMORY_AT_ONCE, client)
    target.note("memory", target.server.memory())


def show(console: Console, servers: Sequence[Target]) -> bool:
    """Print the table; returns whether all targets are met."""
    table = Table("", "unit", *(target.name for target in servers), "to the relay", "targets")
    by_name = {target.name: target for target in servers}
    passed = True
    for line in LINES:
        if any(line.figure not in target.figures for target in servers):
            continue
        values = {name: statistics.median(target.figures[line.figure]) for name, target in by_name.items()}
        unmet = list(missed(line, values)) if VITAL in values else []
        passed = passed and not unmet
        cells = (_cell(line, target) for target in servers)
        to_floor = f"{values[VITAL] / values[line.floor]:.2f}" if {VITAL, line.floor} <= set(values) else ""
        table.add_row(line.name, line.unit, *cells, to_floor, ", ".join(unmet) or "met")
    console.print(table)
    console.print(f"Targets of the gateway: {'met' if passed else 'missed'}.")
    return passed


def missed(line: Line, values: dict[str, float]) -> Iterator[str]:
    """Name what is missed: to be better than both other gateways, and a ratio to a relay written by hand."""
    ours = values[VITAL]
    for name, theirs in values.items():
        if name not in (VITAL, RELAY, READING) and not (ours > theirs if line.at_least else ours < theirs):
            yield f"MISSED: {name}"
    if line.most_to_floor is not None and ours > line.most_to_floor * values.get(line.floor, ours):
        yield f"MISSED: ≤ {line.most_to_floor:g} x the {line.floor}"


def _cell(line: Line, target: Target) -> str:
    figures = [figure * line.scale for figure in target.figures[line.figure]]
    if len(figures) == 1:
        return number(figures[0])
    return f"{number(statistics.median(figures))} ({number(min(figures))} to {number(max(figures))})"


def run(
    console: Console, url: str, folder: Path, logs: Path, effort: Effort, only: Sequence[str] = ()
) -> bool:
    """Start the gateways, measure them, and print the table; raw figures and logs are kept in `logs`."""
    logs.mkdir(parents=True, exist_ok=True)
    notes: list[str] = []
    with ExitStack() as stack:
        upstream = direct(url)
        servers = list(gateways(stack, url, folder, logs, notes, only))

        def keep() -> None:
            figures = {target.name: target.figures for target in servers}
            (logs / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")

        uvloop.run(measure(upstream, servers, effort, keep))
        passed = show(console, servers)
    for note in notes:
        console.print(note, markup=False)
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, without memory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-memory", action="store_true", help="leave the 10,000 streams out")
    parser.add_argument("--only", nargs="+", default=(), help="measure these alone")
    parser.add_argument("--logs", type=Path, help="keep raw figures and logs in this folder")
    arguments = parser.parse_args()
    much = effort(arguments.quick, arguments.rounds, not arguments.no_memory)
    console = Console(width=None if sys.stdout.isatty() else 200)
    with ExitStack() as stack:
        url = stack.enter_context(llm_provider.running())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        logs = arguments.logs or Path(tempfile.mkdtemp(prefix="gateway-logs-"))
        passed = run(console, url, folder, logs, much, arguments.only)
        console.print(f"Raw figures and logs are in {logs}.", markup=False)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
