"""FigureSource of the engine's own samples: the expressions evaluate themselves."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np

from ai_engine.monitoring.monitor import MonitoringSources
from ai_engine.monitoring.views import DataSource, Variable
from vital_ops.config import OpsConfig
from vital_ops.dashboards.panel import Board
from vital_ops.expressions.evaluation import Evaluation, Samples
from vital_ops.expressions.expression import QueryExpression, Recorded, part
from vital_ops.expressions.vector import Vector
from vital_ops.rules.groups import recordings
from vital_ops.rules.slos import slo_recordings
from vital_ops.served.choices import choices
from vital_ops.served.figures import Evaluated, QueryWindow
from vital_shared.monitoring.metrics import WORKFLOW_REQUESTS_TOTAL
from vital_shared.monitoring.sample_ring import SAMPLE_INTERVAL_SECONDS, SampledSeries, SampleSet

__all__ = ["OwnFigures", "recorded_series"]

SCRAPES_PER_INTERVAL: Final = 4
"""Scrapes that a window of a graph's point holds at least, as Grafana's ``$__rate_interval`` has it."""

MAX_EVALUATIONS: Final = 2
"""Queries that are evaluated at once: they are work for the processor."""

UP: Final = "up"
"""Whether an engine answers, which Prometheus notes of each; an engine that is asked does answer."""

_evaluations: Final = ThreadPoolExecutor(MAX_EVALUATIONS, "vital-panels")


def recorded_series(config: OpsConfig) -> Mapping[str, Sequence[Recorded]]:
    """Return what rules record, by the names of series."""
    found: dict[str, list[Recorded]] = {}
    for rule in (*recordings(config.thresholds), *slo_recordings()):
        found.setdefault(rule.name, []).append(Recorded(part(rule.expr), rule.labels))
    return found


class OwnFigures:
    """The figures of the engine's own samples.

    :param config: the thresholds, and the labels that select the engine.
    """

    def __init__(self, config: OpsConfig, sources: MonitoringSources) -> None:
        self._sources = sources
        self._recordings = recorded_series(config)
        self._target = {**config.target_labels, "instance": "this engine"}

    async def query(
        self, expressions: Sequence[QueryExpression], window: QueryWindow
    ) -> Sequence[Sequence[Evaluated]]:
        """Evaluate expressions in a thread."""
        samples = await self._sources.samples(self._names(expressions))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_evaluations, self._evaluate, expressions, samples, window)

    async def variables(self, board: Board) -> tuple[Variable, ...]:
        """Return the values that requests have had."""
        found = await self._sources.samples([WORKFLOW_REQUESTS_TOTAL.name])
        return tuple(
            Variable(
                name=name,
                label=heading,
                values=tuple(sorted({each.labels[label] for each in found.series if label in each.labels})),
            )
            for name, heading, label in choices(board)
        )

    async def source(self) -> DataSource:
        """Say since when there are samples."""
        found = await self._sources.samples(())
        since = found.times[0] / 1000 if found.times else None
        return DataSource(kind="own", since=since, engines=self._sources.engines)

    def _names(self, expressions: Sequence[QueryExpression]) -> frozenset[str]:
        """Return the names of all samples that expressions read, by recorded series too."""
        wanted, found = list(expressions), set[str]()
        while wanted:
            for selector in wanted.pop().selectors:
                if selector.name not in found:
                    found.add(selector.name)
                    wanted += (rule.expression for rule in self._recordings.get(selector.name, ()))
        return frozenset(found - self._recordings.keys())

    def _evaluate(
        self, expressions: Sequence[QueryExpression], samples: SampleSet, window: QueryWindow
    ) -> Sequence[Sequence[Evaluated]]:
        alive = SampledSeries(UP, {}, [0], [1.0])
        interval = max(window.step + SAMPLE_INTERVAL_SECONDS, SCRAPES_PER_INTERVAL * SAMPLE_INTERVAL_SECONDS)
        evaluation = Evaluation(
            samples=Samples(SampleSet(samples.times, [*samples.series, alive]), self._target),
            times=np.asarray([round(at * 1000) for at in window.times], dtype=np.int64),
            interval_ms=round(interval * 1000),
            range_ms=round(window.range_seconds * 1000),
            chosen=window.chosen,
            recordings=self._recordings,
        )
        return [list(_series(each.evaluate(evaluation))) for each in expressions]


def _series(vector: Vector) -> Iterator[Evaluated]:
    for row, labels in enumerate(vector.labels):
        values = [
            _number(value) if there else None
            for value, there in zip(vector.values[row], vector.present[row], strict=True)
        ]
        if any(value is not None for value in values):
            yield Evaluated(labels, values)


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
