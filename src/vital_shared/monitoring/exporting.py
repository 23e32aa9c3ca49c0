"""Send spans over OTLP/HTTP, as OpenTelemetry's own variables (``OTEL_…``) say where and how."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from vital_shared.version import __version__

__all__ = ["start"]

LAST_SECONDS: Final = 2.0
"""Seconds of retries for an absent collector when the process ends; its exporter would try for 10."""


def start() -> Callable[[], None]:
    """Set up the process's tracer provider, unless there is one; return what sends the rest and ends it."""
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return lambda: None
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    exporter = OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

    def stop() -> None:
        giving_up = threading.Timer(LAST_SECONDS, exporter.shutdown)
        giving_up.start()
        provider.shutdown()
        giving_up.cancel()

    return stop


def _resource() -> Resource:
    """Name the service, where the environment does not."""
    found = Resource.create()
    if not str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return found
    return found.merge(Resource({SERVICE_NAME: "vital", SERVICE_VERSION: __version__}))
