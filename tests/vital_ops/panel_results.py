"""Print the page on the dashboards, with the result of every panel's queries under load.

.venv/bin/python -m tests.vital_ops.panel_results > docs/dashboards.md
"""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from tests.vital_ops.panels_at_rest import AT_REST
from tests.vital_ops.watched_engine import BOARDS, Watched, watched_engine

from vital_ops.dashboards.panel import Board, Panel

__all__ = ["shows_more_than_zeros", "write_page"]

SERIES_SHOWN = 2

HEAD = """# Dashboards

This page shows each panel of each dashboard with the result of its queries, from a Prometheus that watched an engine
with two workers under load, with every environment, instance, mode and tenant selected. Long results are cut;
the number of series is in parentheses, and if there are only zeros, the reason follows. The test
`tests/vital_ops/test_panels.py` sends the same queries to a Prometheus 2 and a Prometheus 3, and fails if
a result is empty.

Panels of tenants' costs cannot miss what a new tenant spends between two scrapes. For a day, a month or a
budget, they read gauges fed by the ledger. For a type of cost, a mode, an hour or the selected time, they read
counters that grow with each row of the ledger, and add to their increase the value that a new series had
when it was first seen. The page is printed by:

```sh
.venv/bin/python -m tests.vital_ops.panel_results > docs/dashboards.md
```
"""


async def write_page() -> str:
    """Run the load, and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        async with watched_engine(Path(folder)) as watched:
            sections = ["\n".join([line async for line in _board(watched, each)]) for each in BOARDS.values()]
    return "\n".join([HEAD, *sections])


async def _board(watched: Watched, board: Board) -> AsyncIterator[str]:
    yield f"## {board.title.removeprefix('VITAL / ')}\n"
    yield f"{board.description}\n"
    yield "| panel | shows | result under load |"
    yield "| --- | --- | --- |"
    for panel in board.all_panels:
        yield f"| {panel.title} | {panel.description} | {await _results(watched, board.uid, panel)} |"
    yield ""


async def _results(watched: Watched, uid: str, panel: Panel) -> str:
    found = [await watched.ask(query.expr) for query in panel.queries]
    shown = "; ".join(map(_result, found))
    reason = AT_REST.get((uid, panel.key), "")
    return shown if any(map(shows_more_than_zeros, found)) or not reason else f"{shown}: {reason}"


def shows_more_than_zeros(found: Mapping[str, float]) -> bool:
    """Say whether a query has a value other than 0."""
    return any(value and math.isfinite(value) for value in found.values())


def _result(found: Mapping[str, float]) -> str:
    known = {name: value for name, value in found.items() if math.isfinite(value)}
    first = sorted(known.items(), key=lambda one: -one[1])[:SERIES_SHOWN]
    return f"{', '.join(_values(first))} ({len(known)})"


def _values(series: list[tuple[str, float]]) -> Iterator[str]:
    for name, value in series:
        yield f"{name} {value:.4g}".strip()


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(write_page()))
