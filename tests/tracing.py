"""The spans of what runs in this process, in memory."""

from __future__ import annotations

from functools import cache

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader, Metric
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

__all__ = ["Metrics", "Spans", "memory"]


@cache
def memory() -> InMemorySpanExporter:
    """Set up the process's tracer provider, which can be done once, as an application would."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


class Spans:
    """What has ended since the test began."""

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return memory().get_finished_spans()

    def of(self, name: str) -> list[ReadableSpan]:
        """All with that name, or one that begins with it, in the order of their start."""
        found = [span for span in self.all if span.name == name or span.name.startswith(f"{name} ")]
        return sorted(found, key=lambda span: span.start_time or 0)

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.of(name)
        return span

    def path(self, span: ReadableSpan) -> str:
        """The names of a span and those above it, the highest first."""
        by_id = {each.context.span_id: each for each in self.all}
        names = [span.name]
        while span.parent is not None and span.parent.span_id in by_id:
            span = by_id[span.parent.span_id]
            names.append(span.name)
        return " > ".join(reversed(names))

    def paths(self) -> list[str]:
        return sorted(self.path(span) for span in self.all)


@cache
def _metric_reader() -> InMemoryMetricReader:
    """Set up the process's meter provider, which can be done once."""
    reader = InMemoryMetricReader({Histogram: AggregationTemporality.DELTA})
    metrics.set_meter_provider(MeterProvider([reader]))
    return reader


class Metrics:
    """What OpenTelemetry's own histograms have recorded since the test began."""

    def __init__(self) -> None:
        _metric_reader().get_metrics_data()

    def read(self) -> dict[str, Metric]:
        data = _metric_reader().get_metrics_data()
        scopes = (
            (scope for resource in data.resource_metrics for scope in resource.scope_metrics) if data else ()
        )
        return {metric.name: metric for scope in scopes for metric in scope.metrics}
