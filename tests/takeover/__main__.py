"""Let an engine die at every point of a run, one point at a time, and print what was wrong: `make takeover`."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from tests.postgres_server import running_postgres
from tests.store_database import PostgresStores
from tests.takeover.crash import POINTS, CrashPoint
from tests.takeover.fork_server import ForkServer, fork_server
from tests.takeover.trial import trial
from tests.takeover.trial_store import PostgresTrials, SqliteTrials, TrialStores

EXAMPLES: Final = 5

CRASHING: Final = ("answered", "composed", "decided", "acting", "parted")

CONSOLE: Final = Console(width=160, markup=False)


def main() -> int:
    """Run it; the exit code is the number of faulty trials."""
    parser = argparse.ArgumentParser(prog="python -m tests.takeover", description=__doc__)
    parser.add_argument(
        "--turns", type=int, default=40, help="turns of the event loop of each flow, of all those"
    )
    parser.add_argument("--pairs", type=int, default=40, help="pairs of deaths, drawn by chance")
    parser.add_argument("--postgres", action="store_true", help="databases of a real server, not files")
    parser.add_argument("--kinds", nargs="+", default=POINTS, choices=POINTS)
    chosen = parser.parse_args()
    table = Table("flow", "kind", "trials", "deaths", "faulty", "examples")
    faulty = 0
    with fork_server() as server, _stores(server, on_postgres=chosen.postgres) as stores:
        for flow in CRASHING:
            counts = trial(server, stores, flow, []).points
            for kind in chosen.kinds:
                singles = [
                    [CrashPoint(kind, number)] for number in _numbers(kind, counts[kind], chosen.turns)
                ]
                faulty += _try(server, stores, flow, kind, singles, table)
            pairs = list(_pairs(counts, chosen.kinds, chosen.pairs))
            faulty += _try(server, stores, flow, "two of them", pairs, table)
    CONSOLE.print(table)
    return min(faulty, 100)


@contextmanager
def _stores(server: ForkServer, *, on_postgres: bool) -> Iterator[TrialStores]:
    if on_postgres:
        with running_postgres() as postgres:
            yield PostgresTrials(PostgresStores(postgres))
        return
    with tempfile.TemporaryDirectory(prefix="vital-template-") as made:
        server.prepare(Path(made))
        yield SqliteTrials(Path(made))


def _numbers(kind: str, count: int, turns: int) -> Sequence[int]:
    every = range(1, count + 1)
    return every if kind != "turn" or count <= turns else random.sample(every, turns)


def _pairs(counts: dict[str, int], kinds: Sequence[str], pairs: int) -> Iterator[list[CrashPoint]]:
    for _ in range(pairs):
        drawn = (random.choice(kinds) for _ in range(2))
        yield [CrashPoint(kind, random.randint(1, counts[kind])) for kind in drawn]  # type: ignore[arg-type]


def _try(
    server: ForkServer,
    stores: TrialStores,
    flow: str,
    kind: str,
    trials: Sequence[Sequence[CrashPoint]],
    table: Table,
) -> int:
    found, deaths = [], 0
    for points in trials:
        try:
            left = trial(server, stores, flow, points)
        except AssertionError as error:  # an engine has ended with an error, or not at all
            faults = str(error).strip().splitlines()[-1:]
        else:
            deaths += left.deaths
            faults = left.faults()
        if faults:
            found.append(f"{_shown(points)}: {'; '.join(faults)}")
            CONSOLE.print(flow, found[-1])  # the table comes at the end, which may be an hour away
    table.add_row(flow, kind, str(len(trials)), str(deaths), str(len(found)), "\n".join(found[:EXAMPLES]))
    CONSOLE.print(flow, kind, f"{len(trials)} trials, {deaths} deaths, {len(found)} faulty")
    return len(found)


def _shown(points: Sequence[CrashPoint]) -> str:
    return ", ".join(f"{point.kind} {point.number}" for point in points)


if __name__ == "__main__":
    sys.exit(main())
