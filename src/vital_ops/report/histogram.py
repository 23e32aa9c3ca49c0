"""A histogram of durations, and the quantile that Prometheus would estimate from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vital_shared.monitoring.metrics import WORKFLOW_DURATION_SECONDS

__all__ = ["Histogram"]


@dataclass(frozen=True, slots=True)
class Histogram:
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
        below, start = 0, 0.0
        for edge in WORKFLOW_DURATION_SECONDS.edges:
            count = self.counts.get(format(edge, "g"), 0)
            if count and below + count >= rank:
                return start + (edge - start) * max(0.0, rank - below) / count
            below, start = below + count, float(edge)
        return start
