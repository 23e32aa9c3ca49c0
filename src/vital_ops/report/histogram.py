"""A histogram of durations, and the quantile that Prometheus would estimate from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf

from vital_shared.monitoring.metrics import WORKFLOW_DURATION_SECONDS
from vital_shared.store.request_counts import BUCKETS

__all__ = ["BucketCounts"]


@dataclass(frozen=True, slots=True)
class BucketCounts:
    """Counts by the upper bound of their bucket, in seconds."""

    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """The number of durations."""
        return sum(self.counts.values())

    def quantile(self, share: float) -> float | None:
        """Estimate a quantile in seconds, as `histogram_quantile` does; None without durations."""
        return self.at_rank(share * self.total)

    def at_rank(self, rank: float) -> float | None:
        """Estimate the duration at a rank, from 0 to `total`, evenly spread within its bucket.

        What lies above the last bound counts as that bound
        (https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile).
        """
        if not self.total:
            return None
        for start, end, below, count in self._buckets():
            if below + count >= rank:
                return start if end == inf else start + (end - start) * max(0.0, rank - below) / count
        return start

    def bucket(self, rank: float) -> tuple[float, float]:
        """Return the bounds in seconds of the bucket that a rank is in, up to infinity."""
        bounds = 0.0, 0.0
        for start, end, below, count in self._buckets():
            bounds = start, end
            if below + count >= rank:
                break
        return bounds

    def _buckets(self) -> Iterator[tuple[float, float, int, int]]:
        """Yield each bucket that has durations: its bounds, how many are below it, and how many in it."""
        below, start = 0, 0.0
        for name, end in zip(BUCKETS, (*WORKFLOW_DURATION_SECONDS.buckets, inf), strict=True):
            count = self.counts.get(name, 0)
            if count:
                yield start, end, below, count
            below, start = below + count, float(end)
