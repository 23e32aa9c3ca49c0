"""A durable run beside one that is not: processor time of all parts, and how long it takes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.stack import Stack, running_stack

from scale_load import ask_all, median
from scale_usage import Usage, used

__all__ = ["Comparison", "compare_durable"]

ANSWER_SECONDS = 1.0
AT_ONCE = 16
RUNS_A_ROUND = 64

PAUSES = "/v1/workflows/pauses/runs"
NODES = "/v1/workflows/nodes/runs"

CONFIGURATION = """
[workflows]
pauses = "bench.scale_flows:StoredWhenPaused"
nodes = "bench.scale_flows:StoredByNode"
"""


@dataclass(frozen=True)
class Comparison:
    """Seconds of a run and its usage, in each round of each kind."""

    rounds: dict[str, list[tuple[float, Usage]]]

    def figures(self) -> dict[str, tuple[float, float]]:
        """Return the medians of the rounds, not durable and durable."""
        figures = {
            "p50, ms": lambda seconds, _: seconds * 1e3,
            "engine: processor, ms": lambda _, used: used.engine_cpu * 1e3,
            "Postgres: processor, ms": lambda _, used: used.postgres_cpu * 1e3,
            "Postgres: statements": lambda _, used: used.statements,
            "Redis: commands": lambda _, used: used.redis_commands,
        }
        return {
            name: (self._median(PAUSES, figure), self._median(NODES, figure))
            for name, figure in figures.items()
        }

    def _median(self, path: str, figure) -> float:
        return median(sorted(figure(*each) for each in self.rounds[path]))


async def compare_durable(rounds: int) -> Comparison:
    """Measure both in turn, on one replica."""
    found: dict[str, list[tuple[float, Usage]]] = {PAUSES: [], NODES: []}
    with tempfile.TemporaryDirectory(prefix="vital-scale-") as folder:
        async with running_stack(
            Path(folder), ANSWER_SECONDS, 1, configuration=CONFIGURATION, counts_statements=True
        ) as stack:
            for path in found:
                await ask_all(stack, AT_ONCE, AT_ONCE, path=path)
            for _ in range(rounds):
                for path, measured in found.items():
                    measured.append(await _round(stack, path))
    return Comparison(found)


async def _round(stack: Stack, path: str) -> tuple[float, Usage]:
    before = await used(stack)
    seconds = await ask_all(stack, RUNS_A_ROUND, AT_ONCE, path=path)
    return median(seconds), (await used(stack) - before) / RUNS_A_ROUND
