"""The quantile of a histogram, as Prometheus estimates it.

See ``BucketQuantile`` in Prometheus' ``promql/quantile.go``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from vital_ops.expressions.vector import Key, Vector

__all__ = ["histogram_quantile"]

MIN_BUCKETS: Final = 2

SMALL_DIFFERENCE: Final = 1e-12
"""The relative difference of two buckets that rounding explains."""


def histogram_quantile(share: float, buckets: Vector) -> Vector:
    """Estimate a quantile from buckets, by all labels but ``le``."""
    groups: dict[Key, list[int]] = {}
    for row, labels in enumerate(buckets.labels):
        if "le" in labels:
            key = frozenset((name, value) for name, value in labels.items() if name != "le")
            groups.setdefault(key, []).append(row)
    return Vector.of_rows(
        (
            (
                dict(key),
                _quantiles(share, [float(buckets.labels[row]["le"]) for row in rows], buckets.values[rows]),
                buckets.present[rows].any(axis=0),
            )
            for key, rows in groups.items()
        ),
        buckets.steps,
    )


def _quantiles(share: float, upper: Sequence[float], counts: Any) -> Any:
    """Estimate it for each time; buckets of one histogram are there together, or not at all."""
    order = np.argsort(upper)
    ends, counts = np.asarray(upper)[order], _rising(counts[order])
    total = counts[-1]
    if len(ends) < MIN_BUCKETS or ends[-1] != np.inf:
        return np.full(total.shape, np.nan)
    rank = share * total
    bucket = np.minimum((counts[:-1] < rank).sum(axis=0), len(ends) - 1)
    steps = np.arange(len(total))
    before = np.maximum(bucket - 1, 0)
    start = np.where(bucket > 0, ends[before], 0.0)
    below = np.where(bucket > 0, counts[before, steps], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = start + (ends[bucket] - start) * (rank - below) / (counts[bucket, steps] - below)
    inside = np.where((bucket == 0) & (ends[0] <= 0), ends[0], inside)
    found = np.where(bucket == len(ends) - 1, ends[-2], inside)
    return np.where(total > 0, found, np.nan)


def _rising(counts: Any) -> Any:
    """See that no bucket has less than a smaller one, which rounding or a scrape midway may cause."""
    rising = np.array(counts, dtype=float)
    for row in range(1, len(rising)):
        before, here = rising[row - 1], rising[row]
        is_near = np.abs(here - before) < SMALL_DIFFERENCE * np.maximum(np.abs(here) + np.abs(before), 1e-300)
        rising[row] = np.where(is_near | (here < before), before, here)
    return rising
