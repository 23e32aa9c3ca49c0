"""Bounded queues of spans and log lines on their way to a collector, which count what they drop."""

from __future__ import annotations

import os
from collections.abc import Sequence
from threading import Lock
from typing import Final

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from vital_shared.monitoring.metrics import TELEMETRY_DROPPED_TOTAL

__all__ = ["CountedLogs", "CountedSpans"]

QUEUE_SIZE: Final = 2048
"""Spans or lines that wait at most; OpenTelemetry's own default."""


class _QueueCount:
    """The number of things in a queue, of which the oldest is dropped for one that does not fit.

    :param signal: the metric's label.
    """

    def __init__(self, signal: str, size_variable: str) -> None:
        self.size = _size(size_variable)
        self._waiting = 0
        self._lock = Lock()
        self._too_many = TELEMETRY_DROPPED_TOTAL.labels(signal, "queue_full")
        self._refused = TELEMETRY_DROPPED_TOTAL.labels(signal, "not_taken")

    def enter(self) -> None:
        with self._lock:
            is_full = self._waiting >= self.size
            if not is_full:
                self._waiting += 1
        if is_full:
            self._too_many.inc()

    def leave(self, number: int) -> None:
        with self._lock:
            self._waiting = max(0, self._waiting - number)

    def refuse(self, number: int) -> None:
        self._refused.inc(number)


def _size(variable: str) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isascii() and text.isdigit() and int(text) else QUEUE_SIZE


class CountedSpans(BatchSpanProcessor):
    """Spans on their way."""

    def __init__(self) -> None:
        self._count = _QueueCount("traces", "OTEL_BSP_MAX_QUEUE_SIZE")
        self._exporter = _SpanExporter(self._count)
        batch = min(512, self._count.size)
        super().__init__(self._exporter, max_queue_size=self._count.size, max_export_batch_size=batch)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span that is sampled."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._count.enter()
            super().on_end(span)

    def give_up(self) -> None:
        """End the attempts that are under way."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # OpenTelemetry gives it no types


class _SpanExporter(OTLPSpanExporter):
    def __init__(self, count: _QueueCount) -> None:
        super().__init__()
        self._count = count

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._count.leave(len(spans))
        result = super().export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._count.refuse(len(spans))
        return result


class CountedLogs(BatchLogRecordProcessor):
    """Log lines on their way."""

    def __init__(self) -> None:
        self._count = _QueueCount("logs", "OTEL_BLRP_MAX_QUEUE_SIZE")
        self._log_exporter = _LogExporter(self._count)
        batch = min(512, self._count.size)
        super().__init__(self._log_exporter, max_queue_size=self._count.size, max_export_batch_size=batch)

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queue a line."""
        self._count.enter()
        super().on_emit(log_record)

    def give_up(self) -> None:
        """End the attempts that are under way."""
        self._log_exporter.shutdown()  # type: ignore[no-untyped-call]  # OpenTelemetry gives it no types


class _LogExporter(OTLPLogExporter):
    def __init__(self, count: _QueueCount) -> None:
        super().__init__()
        self._count = count

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        self._count.leave(len(batch))
        result = super().export(batch)
        if result is not LogRecordExportResult.SUCCESS:
            self._count.refuse(len(batch))
        return result
