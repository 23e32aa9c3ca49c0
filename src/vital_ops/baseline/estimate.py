"""Estimates with confidence intervals, and the interval of the difference between two of them."""

from __future__ import annotations

from math import hypot, inf, sqrt
from typing import Final, NamedTuple

from vital_ops.report.counts import Moments
from vital_ops.report.histogram import BucketCounts

__all__ = ["CONFIDENCE", "IntervalEstimate", "difference", "mean", "quantile", "share"]

CONFIDENCE: Final = 0.99
"""Ten figures are compared at once: at 95 % every other comparison would call a chance a change."""

Z_99: Final = 2.5758293035489004
"""The normal distribution's quantile for it, on both sides."""


class IntervalEstimate(NamedTuple):
    """A value, and the interval that holds the true one with `CONFIDENCE`."""

    value: float
    low: float
    high: float


def share(part: int, whole: int) -> IntervalEstimate:
    """Estimate a share by Wilson's score interval.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    value = part / whole
    centre = (value + Z_99 * Z_99 / (2 * whole)) / (1 + Z_99 * Z_99 / whole)
    half = (
        Z_99
        / (1 + Z_99 * Z_99 / whole)
        * sqrt(value * (1 - value) / whole + Z_99 * Z_99 / (4 * whole * whole))
    )
    return IntervalEstimate(value, max(0.0, centre - half), min(1.0, centre + half))


def mean(moments: Moments) -> IntervalEstimate:
    """Estimate a mean by the central limit theorem, with the standard error of the values."""
    count, value = moments.count, moments.total / moments.count
    variance = max(0.0, moments.squares - count * value * value) / (count - 1)
    half = Z_99 * sqrt(variance / count)
    return IntervalEstimate(value, value - half, value + half)


def quantile(histogram: BucketCounts, at: float) -> IntervalEstimate:
    """Estimate a quantile by order statistics: between the ranks that are the binomial distribution's limits.

    Where in its bucket a duration lies is not known, so the interval reaches to the edges of the buckets
    (Hahn and Meeker, "Statistical Intervals", chapter 5: distribution-free intervals for a quantile).
    """
    total = histogram.total
    half = Z_99 * sqrt(total * at * (1 - at))
    low, _ = histogram.bucket(max(1.0, total * at - half))
    _, high = histogram.bucket(min(float(total), total * at + half + 1))
    value = histogram.quantile(at)
    return IntervalEstimate(0.0 if value is None else value, low, high)


def difference(before: IntervalEstimate, after: IntervalEstimate) -> IntervalEstimate:
    """Estimate how much more a later value is, from the two intervals.

    The method of variance estimates recovery: Zou and Donner, "Construction of confidence limits about effect
    measures", Statistics in Medicine 27 (2008). Of Wilson's intervals it makes Newcombe's for two shares.
    """
    value = after.value - before.value
    if inf in (before.high, after.high):  # above the histogram's last bound nothing is known
        low = -inf if before.high == inf else after.low - before.high
        return IntervalEstimate(value, low, inf if after.high == inf else after.high - before.low)
    low = value - hypot(after.value - after.low, before.high - before.value)
    high = value + hypot(after.high - after.value, before.value - before.low)
    return IntervalEstimate(value, low, high)
