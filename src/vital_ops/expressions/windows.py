"""Functions over a window of samples, as Prometheus computes them.

A window is open at its beginning and closed at its end, as Prometheus 3 has it. All series were read at the
same times, so that each function takes all series and all windows at once.
See https://prometheus.io/docs/prometheus/latest/querying/functions/ and, for the extrapolation,
``extrapolatedRate`` in Prometheus' ``promql/functions.go``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vital_ops.expressions.vector import Matrix, Times, Vector

__all__ = [
    "LOOKBACK_MS",
    "OVER_TIME",
    "WindowFunction",
    "increases",
    "instant",
    "rates",
]

LOOKBACK_MS: Final = 300_000
"""Prometheus' look-back: an older sample is not the value of now."""

EXTRAPOLATION_GAPS: Final = 1.1
"""Gaps between samples beyond which a series is taken to begin, or end, within the window."""

MIN_SAMPLES: Final = 2

WindowFunction: TypeAlias = Callable[[Matrix, Times, int], Vector]
"""A function of samples, the ends of the windows, and their length in milliseconds."""

Places: TypeAlias = NDArray[np.intp]


def instant(matrix: Matrix, times: Times) -> Vector:
    """Return the value of each series at each time: that of the last scrape, where it was there."""
    last = np.searchsorted(matrix.times, times, side="right") - 1
    if not len(matrix.times):
        return Vector.empty(len(times))
    found = np.maximum(last, 0)
    is_near = (last >= 0) & (matrix.times[found] > times - LOOKBACK_MS)
    return Vector(matrix.labels, matrix.values[:, found], matrix.present[:, found] & is_near)


def rates(matrix: Matrix, times: Times, length_ms: int) -> Vector:
    """Compute how much each counter grows each second, as ``rate`` does."""
    grown = increases(matrix, times, length_ms)
    return Vector(grown.labels, grown.values / (length_ms / 1000), grown.present)


def increases(matrix: Matrix, times: Times, length_ms: int) -> Vector:
    """Compute how much each counter has grown, as ``increase`` does: extrapolated to the whole window."""
    if not len(matrix.times) or not matrix.labels:
        return Vector.empty(len(times))
    count, first, last = _bounds(matrix, times, length_ms)
    present = count >= MIN_SAMPLES
    rows = np.arange(len(matrix.labels))[:, None]
    resets = _resets(matrix)
    begin = matrix.values[rows, first]
    grown = matrix.values[rows, last] - begin + resets[rows, last] - resets[rows, first]
    factor = _factor(matrix.times, times, length_ms, count, first, last, begin, grown)
    return Vector(matrix.labels, np.where(present, grown * factor, 0.0), present)


def _factor(
    sampled: Times,
    times: Times,
    length_ms: int,
    count: Places,
    first: Places,
    last: Places,
    begin: Any,
    grown: Any,
) -> Any:
    """Compute by how much more a counter will have grown in a whole window than between its samples."""
    interval = np.maximum(sampled[last] - sampled[first], 1).astype(float)
    gap = interval / np.maximum(count - 1, 1)
    to_start = (sampled[first] - (times - length_ms)).astype(float)
    to_end = (times - sampled[last]).astype(float)
    to_start = np.where(to_start >= gap * EXTRAPOLATION_GAPS, gap / 2, to_start)
    to_end = np.where(to_end >= gap * EXTRAPOLATION_GAPS, gap / 2, to_end)
    can_reach_zero = (grown > 0) & (begin >= 0)  # a counter was not below 0
    to_zero = np.where(can_reach_zero, interval * begin / np.where(can_reach_zero, grown, 1.0), to_start)
    return (interval + np.minimum(to_start, to_zero) + to_end) / interval


def _bounds(matrix: Matrix, times: Times, length_ms: int) -> tuple[Places, Places, Places]:
    """Return the number of samples in each window, and the places of its first and last one."""
    low = np.searchsorted(matrix.times, times - length_ms, side="right")
    high = np.searchsorted(matrix.times, times, side="right")
    size = len(matrix.times)
    counted = np.zeros((len(matrix.labels), size + 1), dtype=np.intp)
    np.cumsum(matrix.present, axis=1, out=counted[:, 1:])
    places = np.arange(size)
    latest = np.maximum.accumulate(np.where(matrix.present, places, 0), axis=1)
    following = np.where(matrix.present, places, size - 1)[:, ::-1]
    earliest = np.minimum.accumulate(following, axis=1)[:, ::-1]
    first, last = earliest[:, np.minimum(low, size - 1)], latest[:, np.maximum(high - 1, 0)]
    return counted[:, high] - counted[:, low], first, last


def _resets(matrix: Matrix) -> Any:
    """Return what each counter had counted before its resets, up to each sample."""
    places = np.arange(len(matrix.times))
    latest = np.maximum.accumulate(np.where(matrix.present, places, -1), axis=1)
    before = np.concatenate([np.full((len(matrix.labels), 1), -1), latest[:, :-1]], axis=1)
    rows = np.arange(len(matrix.labels))[:, None]
    previous = matrix.values[rows, np.maximum(before, 0)]
    is_reset = matrix.present & (before >= 0) & (matrix.values < previous)
    return np.cumsum(np.where(is_reset, previous, 0.0), axis=1)


def _each_window(reduce: Callable[[Any, Any], Any]) -> WindowFunction:
    """Make a function that reduces the samples of one window after the other."""

    def over_time(matrix: Matrix, times: Times, length_ms: int) -> Vector:
        low = np.searchsorted(matrix.times, times - length_ms, side="right")
        high = np.searchsorted(matrix.times, times, side="right")
        values = np.zeros((len(matrix.labels), len(times)))
        present = np.zeros(values.shape, dtype=bool)
        for step, (begin, end) in enumerate(zip(low, high, strict=True)):
            if begin < end:
                there = matrix.present[:, begin:end]
                present[:, step] = there.any(axis=1)
                values[:, step] = reduce(matrix.values[:, begin:end], there)
        return Vector(matrix.labels, np.where(present, values, 0.0), present)

    return over_time


def _last(values: Any, there: Any) -> Any:
    places = there.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1)
    return values[np.arange(len(values)), places]


def _mean(values: Any, there: Any) -> Any:
    return np.where(there, values, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)


OVER_TIME: Final[dict[str, WindowFunction]] = {
    "avg": _each_window(_mean),
    "count": _each_window(lambda _, there: there.sum(axis=1)),
    "last": _each_window(_last),
    "max": _each_window(lambda values, there: np.where(there, values, -np.inf).max(axis=1)),
    "min": _each_window(lambda values, there: np.where(there, values, np.inf).min(axis=1)),
}
"""The functions whose name ends in ``_over_time``."""
