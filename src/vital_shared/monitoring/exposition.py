"""Write metrics in the formats that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from vital_shared.monitoring.snapshot import Snapshot, sample_of

__all__ = ["OPENMETRICS", "TEXT", "Shown", "render"]

TEXT: Final = CONTENT_TYPE_PLAIN_0_0_4
OPENMETRICS: Final = openmetrics.CONTENT_TYPE_LATEST


def render(collector: Collector, *, as_openmetrics: bool) -> bytes:
    """Write what a collector has. It takes long where that is much: run it in a thread.

    :param collector: a registry, or a `Snapshot` that is `Shown`.
    :param as_openmetrics: OpenMetrics 1.0, with exemplars; otherwise Prometheus' text format 0.0.4.
    """
    generate = openmetrics.generate_latest if as_openmetrics else generate_latest
    return generate(collector)


class Shown(Collector):
    """A snapshot, as the client's own formatters take it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Show each family."""
        for family in self._snapshot.values():
            metric = Metric(family.name, family.help, family.type, family.unit)
            metric.samples = [sample_of(family, series) for series in family.values]
            yield metric
