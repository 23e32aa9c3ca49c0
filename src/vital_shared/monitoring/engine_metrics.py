"""The engine's own metrics over OTLP, beside those that are recorded through OpenTelemetry's API.

A family keeps its name; a counter's is without ``_total``, which tools that speak Prometheus add again
(OpenTelemetry's specification, "Prometheus and OpenMetrics Compatibility"). Exemplars name the trace.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as ShownExemplar
from prometheus_client.samples import Sample

from vital_shared.monitoring.metrics import REGISTRY, TELEMETRY_DROPPED_TOTAL
from vital_shared.monitoring.series import TRACE_ID
from vital_shared.version import __version__

__all__ = ["EngineMetricExporter", "as_otlp"]

SCOPE: Final = InstrumentationScope("vital.engine", __version__)

_START_NANOS: Final = time.time_ns()


class EngineMetricExporter(OTLPMetricExporter):
    """The exporter of the engine's own metrics, together with those of OpenTelemetry's instruments."""

    def export(self, metrics_data: MetricsData, *arguments: Any, **options: Any) -> MetricExportResult:
        """Send both; a failed one is counted, and its cumulative figures come with the next."""
        own = ScopeMetrics(SCOPE, tuple(as_otlp(REGISTRY)), "")
        resources = [_with(each, own) for each in metrics_data.resource_metrics]
        result = super().export(MetricsData(resources), *arguments, **options)
        if result is not MetricExportResult.SUCCESS:
            TELEMETRY_DROPPED_TOTAL.labels("metrics", "not_taken").inc()
        return result


def _with(resource: ResourceMetrics, scope: ScopeMetrics) -> ResourceMetrics:
    return ResourceMetrics(resource.resource, [*resource.scope_metrics, scope], resource.schema_url)


def as_otlp(registry: Collector) -> Iterator[Metric]:
    """Yield a registry's families as OpenTelemetry has them."""
    now = time.time_ns()
    for family in registry.collect():
        data = _data(family, now)
        if data.data_points:
            yield Metric(family.name, family.documentation, "", data)


def _data(family: Family, now: int) -> Sum | Gauge | Histogram:
    temporality = AggregationTemporality.CUMULATIVE
    if family.type == "histogram":
        return Histogram(list(_histograms(family, now)), temporality)
    if family.type == "counter":
        counts = (each for each in family.samples if each.name == f"{family.name}_total")
        return Sum([_number(each, now) for each in counts], temporality, is_monotonic=True)
    values = (each for each in family.samples if not each.name.endswith("_created"))
    return Gauge([_number(each, now) for each in values])


def _number(sample: Sample, now: int) -> NumberDataPoint:
    return NumberDataPoint(dict(sample.labels), _START_NANOS, now, sample.value)


def _histograms(family: Family, now: int) -> Iterator[HistogramDataPoint]:
    series: dict[tuple[tuple[str, str], ...], list[Sample]] = defaultdict(list)
    for sample in family.samples:
        series[tuple(each for each in sample.labels.items() if each[0] != "le")].append(sample)
    for labels, samples in series.items():
        yield _histogram(family.name, dict(labels), samples, now)


def _histogram(name: str, labels: dict[str, str], samples: Iterable[Sample], now: int) -> HistogramDataPoint:
    buckets = [each for each in samples if each.name == f"{name}_bucket"]
    (total,) = (each.value for each in samples if each.name == f"{name}_sum")
    below = [0, *(int(each.value) for each in buckets)]
    return HistogramDataPoint(
        attributes=labels,
        start_time_unix_nano=_START_NANOS,
        time_unix_nano=now,
        count=below[-1],
        sum=total,
        bucket_counts=[here - before for before, here in pairwise(below)],
        explicit_bounds=[float(each.labels["le"]) for each in buckets[:-1]],
        min=0.0,
        max=0.0,
        exemplars=[_exemplar(each.exemplar) for each in buckets if each.exemplar is not None],
    )


def _exemplar(shown: ShownExemplar) -> Exemplar:
    trace_id = shown.labels.get(TRACE_ID)
    return Exemplar(
        {name: value for name, value in shown.labels.items() if name != TRACE_ID},
        float(shown.value),
        int(float(shown.timestamp or 0) * 1e9),
        span_id=None if trace_id is None else 0,  # the run's is not kept: the trace is what one looks up
        trace_id=None if trace_id is None else int(trace_id, 16),
    )
