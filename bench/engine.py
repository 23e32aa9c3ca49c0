"""Measure the engine against what one would write by hand, and against its peers.

Prints a table, and exits with 1 when a target of ours is missed::

    make bench
    python bench/engine.py [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import platform
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

import uvloop
from rich.console import Console
from rich.table import Table

import rows
from rows import NOTHING, Row
from shapes import Execute, Tree

PEERS = {
    "langgraph": "LangGraph",
    "hamilton": "Hamilton",
    "haystack": "Haystack",
    "pydantic_graph": "pydantic-graph",
    "agno": "agno",
}

SILENT = {
    "AGNO_TELEMETRY": "false",
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "HAYSTACK_TELEMETRY_ENABLED": "false",
    "LANGSMITH_TRACING": "false",
}
"""The telemetry of the other frameworks, switched off."""

PART_OF_LANGGRAPH = 20


class Peers:
    """Those that are installed, and why others, or some of their figures, are not there."""

    def __init__(self) -> None:
        self.modules: dict[str, ModuleType] = {}
        self.notes: list[str] = []
        for module, name in PEERS.items():
            try:
                self.modules[name] = importlib.import_module(f"peers.{module}")
            except ImportError as error:
                self.notes.append(f"{name} is not installed ({error})")

    async def measure(
        self, shape: str, taken: Callable[[Execute], Awaitable[float]], tree: Tree | None
    ) -> dict[str, float]:
        """Measure one shape with each, by name; what cannot be is noted."""
        figures = {}
        for name, module in self.modules.items():
            if shape in module.WITHOUT:
                self.notes.append(f"{name}, {shape}: {module.WITHOUT[shape]}")
                continue
            try:
                execute = await (module.stream(rows.TOKENS) if tree is None else module.build(tree))
                figures[name] = await taken(execute)
            except Exception as error:  # noqa: BLE001 - a peer may raise anything; it is noted under the table
                self.notes.append(f"{name}, {shape}: {type(error).__name__}: {error}")
        return figures


async def measure_all(peers: Peers, console: Console, quick: bool) -> list[Row]:
    measured = []
    times = (100, 3) if quick else (400, 15)
    parts = [
        rows.cheap(peers.measure, times[0]),
        rows.tokens(peers.measure, times[0]),
        rows.waiting(peers.measure, times[1]),
        rows.at_once(peers.measure, times[1]),
    ]
    with console.status("") as status:
        for part in parts:
            async for row in part:
                measured.append(row)
                status.update(f"{row.name}: {row.shown}")
    return measured


def missed(measured: list[Row]) -> list[str]:
    found = [
        f"{row.name}: {row.shown}, and the target is {row.target_shown}" for row in measured if row.is_missed
    ]
    diamond = measured[0]
    theirs = diamond.peers.get("LangGraph")
    if theirs and diamond.vital * PART_OF_LANGGRAPH > theirs:
        found.append(f"diamond: more than 1/{PART_OF_LANGGRAPH} of LangGraph's {theirs:.0f} µs")
    return found


def table(measured: list[Row], names: list[str]) -> Table:
    made = Table(title="By hand, with VITAL, with others")
    made.add_column("")
    for heading in ("by hand", "VITAL", "", "target", *names):
        made.add_column(heading, justify="right")
    for row in measured:
        figures = [figure(row.peers.get(name), row.unit) for name in names]
        style = "red" if row.is_missed else None
        made.add_row(
            row.name,
            figure(row.floor, row.unit),
            figure(row.vital, row.unit),
            row.shown,
            row.target_shown,
            *figures,
            style=style,
        )
    return made


def figure(value: float | None, unit: str) -> str:
    if value is None:
        return NOTHING
    return f"{value:,.1f} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    os.environ.update(SILENT)
    console = Console(width=None if sys.stdout.isatty() else 180)
    peers = Peers()
    gc.collect()
    gc.freeze()  # what was imported is no part of what is measured
    measured = uvloop.run(measure_all(peers, console, options.quick))
    console.print(table(measured, list(peers.modules)))
    for note in dict.fromkeys(peers.notes):
        console.print(f"{NOTHING} {note}", highlight=False)
    failures = missed(measured)
    for failure in failures:
        console.print(f"missed: {failure}", style="red")
    if options.json:
        figures = [vars(row) | {"missed": row.is_missed} for row in measured]
        about = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
        options.json.write_text(json.dumps({"about": about, "rows": figures, "notes": peers.notes}, indent=1))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
