"""Send spans, metrics and logs over OTLP/HTTP, as OpenTelemetry's own variables (``OTEL_…``) say.

Nothing here waits for a collector but threads of their own: what does not fit into a bounded queue, or is not
taken, is dropped and counted.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Final
from uuid import uuid4

from opentelemetry import _logs, metrics, trace
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider

from vital_shared.monitoring.counted_export import CountedLogs, CountedSpans
from vital_shared.monitoring.engine_metrics import EngineMetricExporter
from vital_shared.version import __version__

__all__ = ["is_exported", "start"]

LAST_SECONDS: Final = 2.0
"""Seconds of retries for an absent collector when the process ends; its exporter would try for 10."""


def is_exported(signal: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a signal goes to a collector.

    :param signal: ``TRACES``, ``METRICS`` or ``LOGS``, as OpenTelemetry's variables name it. Traces go to the
        usual address (localhost:4318) where tracing is turned on and no other is named; the others need one.
    """
    if environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip().lower() == "none":
        return False
    addresses = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    if any(environ.get(name) for name in addresses):
        return True
    others = (environ.get(f"OTEL_EXPORTER_OTLP_{each}_ENDPOINT") for each in ("METRICS", "LOGS"))
    return signal == "TRACES" and not any(others)


def start() -> Callable[[], None]:
    """Set up the process's providers, but for those that it has; return what sends the rest and ends them."""
    resource, stops, began = _resource(), ExitStack(), time.monotonic()
    if is_exported("TRACES") and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
        spans = CountedSpans()
        tracing.add_span_processor(spans)
        trace.set_tracer_provider(tracing)
        stops.callback(_stop, tracing.shutdown, spans.give_up)
    if is_exported("METRICS"):
        exporter = EngineMetricExporter()
        metering = MeterProvider(
            [PeriodicExportingMetricReader(exporter)], resource=resource, shutdown_on_exit=False
        )
        # Without any instrument, nothing would be sent.
        metering.get_meter("vital.engine").create_observable_gauge(
            "process.uptime",
            [lambda _options: [Observation(time.monotonic() - began)]],
            unit="s",
            description="Seconds since the telemetry of this process began.",
        )
        metrics.set_meter_provider(metering)
        stops.callback(_stop, metering.shutdown, exporter.shutdown)
    if is_exported("LOGS"):
        logging, lines = LoggerProvider(resource, shutdown_on_exit=False), CountedLogs()
        logging.add_log_record_processor(lines)
        _logs.set_logger_provider(logging)
        stops.callback(_stop, logging.shutdown, lines.give_up)
    return stops.close


def _stop(shut_down: Callable[[], object], give_up: Callable[[], object]) -> None:
    """End a provider, which sends what is left, within `LAST_SECONDS`."""
    giving_up = threading.Timer(LAST_SECONDS, give_up)
    giving_up.daemon = True
    giving_up.start()
    shut_down()
    giving_up.cancel()


def _resource() -> Resource:
    """Name the service, where the environment does not, and this process: its series are its own."""
    found = Resource.create()
    if SERVICE_INSTANCE_ID not in found.attributes:
        found = found.merge(Resource({SERVICE_INSTANCE_ID: str(uuid4())}))
    if not str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return found
    return found.merge(Resource({SERVICE_NAME: "vital", SERVICE_VERSION: __version__}))
