"""The surroundings of an evaluation: the samples, the times, and the values that are chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeAlias

import numpy as np

from vital_ops.durations import parse_seconds
from vital_ops.expressions.vector import Labels, Matrix, Times, Vector
from vital_shared.monitoring.sample_ring import SampledSeries, SampleSet

__all__ = ["INTERVAL", "RANGE", "Chosen", "Evaluable", "Evaluation", "RecordedSeries", "Samples"]

INTERVAL: Final = "$__rate_interval"
"""The span of one point of a graph, and four scrapes at least."""

RANGE: Final = "$__range"
"""The time that the dashboard shows."""

Chosen: TypeAlias = Mapping[str, frozenset[str]]
"""The values of variables such as ``$mode`` that are shown; one that is not there: all values."""


class Evaluable(Protocol):
    """An expression, as far as evaluations know it."""

    def evaluate(self, evaluation: Evaluation) -> Vector:
        """Return its values."""
        ...


class RecordedSeries(Protocol):
    """One rule's part of a recorded series."""

    @property
    def expression(self) -> Evaluable:
        """The expression whose values are recorded."""
        ...

    @property
    def labels(self) -> Labels:
        """The labels that they get."""
        ...


class Samples:
    """The samples that an evaluation reads, by the names of series.

    :param found: the samples, and the times at which they were read.
    :param target: labels that Prometheus would give to all series of the engine.
    """

    def __init__(self, found: SampleSet, target: Labels) -> None:
        self.times: Times = np.asarray(found.times, dtype=np.int64)
        self.target = target
        self._by_name: dict[str, list[SampledSeries]] = {}
        for series in found.series:
            self._by_name.setdefault(series.name, []).append(series)
        self._selected: dict[tuple[str, tuple[tuple[str, frozenset[str]], ...]], Matrix] = {}

    def select(self, name: str, matches: Mapping[str, frozenset[str]]) -> Matrix:
        """Return the series of a name whose labels have one of some values each."""
        key = (name, tuple(sorted(matches.items())))
        if key not in self._selected:
            self._selected[key] = self._matrix(
                [each for each in self._by_name.get(name, ()) if _matches(each.labels, matches)]
            )
        return self._selected[key]

    def _matrix(self, series: Sequence[SampledSeries]) -> Matrix:
        size = len(self.times)
        values, places = np.full((len(series), size), np.nan), np.arange(size)
        for row, each in enumerate(series):
            latest = np.searchsorted(np.asarray(each.scrapes), places, side="right") - 1
            known = np.asarray([*each.values, np.nan])  # the last stands for before the first: place -1
            values[row] = known[latest]
        present = ~np.isnan(values)
        labels = [{**self.target, **each.labels} for each in series]
        return Matrix(self.times, labels, np.where(present, values, 0.0), present)


def _matches(labels: Labels, matches: Mapping[str, frozenset[str]]) -> bool:
    return all(labels.get(name, "") in values for name, values in matches.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """An expression is evaluated at each of some times."""

    samples: Samples
    times: Times
    interval_ms: int = 60_000
    """The length of a window of ``$__rate_interval``."""
    range_ms: int = 3_600_000
    """The length of a window of ``$__range``."""
    chosen: Chosen = field(default_factory=dict)
    recordings: Mapping[str, Sequence[RecordedSeries]] = field(default_factory=dict)
    """The rules that record each series: their expressions are evaluated in its place."""

    def length_ms(self, window: str) -> int:
        """Return the length of a window as queries have it, such as ``5m`` or ``$__range``."""
        if window == INTERVAL:
            return self.interval_ms
        return self.range_ms if window == RANGE else round(parse_seconds(window) * 1000)

    def at(self, times: Times) -> Evaluation:
        """Return the same at other times."""
        return replace(self, times=times)

    def before(self, offset: str) -> Evaluation:
        """Return the same some time earlier."""
        return self.at(self.times - self.length_ms(offset))
