"""Measure what a streamed answer costs in this process: our wires, bare aiohttp, and other clients.

Prints tables, and exits with 1 where one of our wires takes more than 1.5 times the floor, or `self.llm` in
a node more than 1.3 times its wire alone::

    make bench
    python bench/llm.py [--quick] [--json FILE]

The providers are local servers in a process of their own, which send the same answers over and over. What is
counted is this process's CPU time, user and system: per call with one chunk of text; per chunk of a burst,
when as many events as fit come in a packet; and per chunk of a paced answer, with one event in a packet, as
providers send it. All run in turn, several times over, and the low end counts: what it costs when nobody
disturbs.

The floor is bare aiohttp and orjson on the same stream, by lines (``async for line in response.content``), as
one writes it by hand: it splits lines, parses each event and takes the text out of it, and knows no timeouts,
no retries, no usage and no errors. By packets, split at once, is the least that can be done.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

import llm_provider
from llm_clients import CLIENTS, FLOOR, OURS, OWN, WIRES, Ask, Make
from llm_node import CHUNKS, NodeCosts, measure_node
from llm_node import TARGET as NODE_TARGET
from measure import low

TARGET = 1.5
WHAT = ("a call", "a chunk in a burst", "a chunk, paced")


class Costs(NamedTuple):
    """Microseconds of CPU."""

    call: float
    burst: float
    paced: float


class Row:
    """One client on one protocol."""

    def __init__(self, client: str, wire: str) -> None:
        self.client = client
        self.wire = wire
        self.costs: list[Costs] = []
        self._asks: dict[tuple[str, int], Ask] = {}

    async def open(self, make: Make, url: str, stack: AsyncExitStack, chunks: int, paced: int) -> None:
        """Make the calls, and load what is loaded late."""
        for pace, count in (("burst", 1), ("burst", chunks), ("paced", 1), ("paced", paced)):
            ask = self._asks[pace, count] = await make(f"{url}/{pace}/{count}", self.wire, stack)
            if (came := await ask()) != count:
                raise ValueError(f"{came} chunks came instead of {count}")

    async def measure(self) -> None:
        (_, chunks), (_, paced) = list(self._asks)[1::2]
        call = await cpu(self._asks["burst", 1], 20)
        burst = await cpu(self._asks["burst", chunks], 2) - call
        slow = await cpu(self._asks["paced", paced], 1) - await cpu(self._asks["paced", 1], 5)
        self.costs.append(Costs(call, burst / (chunks - 1), slow / (paced - 1)))

    @property
    def low(self) -> Costs:
        return Costs(*(low(values) for values in zip(*self.costs, strict=True)))


async def cpu(ask: Ask, calls: int) -> float:
    """Return the CPU time of one call, in microseconds."""
    began = time.process_time()
    for _ in range(calls):
        await ask()
    return 1e6 * (time.process_time() - began) / calls


async def measure_all(url: str, quick: bool) -> tuple[list[Row], list[str]]:
    """Measure all clients that are installed, and return the reasons why others are missing."""
    rows, notes = await measure(url, OWN, quick)
    # Only now, since some leave threads and caches behind that would count as ours, and as the floor's.
    others, missing = await measure(url, [client for client in CLIENTS if client not in OWN], quick)
    return rows + others, notes + missing


async def measure(url: str, clients: Sequence[str], quick: bool) -> tuple[list[Row], list[str]]:
    chunks, paced, rounds = (500, 100, 3) if quick else (2_000, 300, 9)
    rows, notes = [], []
    async with AsyncExitStack() as stack:
        for wire, client in product(WIRES, clients):
            row = Row(client, wire)
            try:
                await row.open(CLIENTS[client], url, stack, chunks, paced)
            except Exception as error:
                if client in OWN:
                    raise
                notes.append(f"{client}, {wire}: {type(error).__name__}: {str(error)[:100]}")
            else:
                rows.append(row)
        for _ in range(rounds):
            for row in rows:
                gc.collect()
                await row.measure()
    return rows, notes


def show(console: Console, rows: list[Row], notes: list[str]) -> bool:
    table = Table(
        "wire", "client", *(part for what in WHAT for part in (f"µs of CPU: {what}", "to the floor"))
    )
    passed = True
    floors = {row.wire: row.low for row in rows if row.client == FLOOR}
    for row in sorted(rows, key=lambda row: list(WIRES).index(row.wire)):
        cells = []
        for cost, floor in zip(row.low, floors[row.wire], strict=True):
            good = row.client != OURS or cost <= TARGET * floor
            passed = passed and good
            cells += [
                f"{cost:,.1f}" if cost < 100 else f"{cost:,.0f}",
                f"{cost / floor:.2f}" + " MISSED" * (not good),
            ]
        table.add_row(row.wire, row.client, *cells)
    console.print(table)
    for note in notes:
        console.print(f"Not measured: {note}", markup=False)
    console.print(f"Target: at most {TARGET} times the floor each: {'met' if passed else 'missed'}.")
    return passed


def show_node(console: Console, found: list[NodeCosts]) -> bool:
    table = Table(
        "wire", "µs of CPU: bare, low end (from … to)", "self.llm in a node", "to the bare wire, median"
    )
    for costs in found:
        cells = [f"{low(each):,.0f} ({min(each):,.0f} … {max(each):,.0f})" for each in costs[1:]]
        table.add_row(costs.wire, *cells, f"{costs.ratio:.2f}" + " MISSED" * (costs.ratio > NODE_TARGET))
    passed = all(costs.ratio <= NODE_TARGET for costs in found)
    console.print(table)
    console.print(
        f"An answer of {CHUNKS} paced chunks. Target: at most {NODE_TARGET} times the bare wire each: "
        f"{'met' if passed else 'missed'}."
    )
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    with llm_provider.running() as url:
        rows, notes = asyncio.run(measure_all(url, arguments.quick))
        in_node = asyncio.run(measure_node(url, 5 if arguments.quick else 15))
    if arguments.json:
        figures = [{"wire": row.wire, "client": row.client, **row.low._asdict()} for row in rows]
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    console = Console(width=None if sys.stdout.isatty() else 160)
    return 0 if all([show(console, rows, notes), show_node(console, in_node)]) else 1


if __name__ == "__main__":
    sys.exit(main())
