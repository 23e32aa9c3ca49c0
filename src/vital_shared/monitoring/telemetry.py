"""The way of spans, metrics and logs to a collector; without one, nothing of OpenTelemetry is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from vital_shared.monitoring.tracing import tracer

__all__ = ["exporting", "log_exporter"]


@contextmanager
def exporting() -> Iterator[None]:
    """Send spans, metrics and logs to the OTLP endpoint, where one is named, and the last ones on leaving.

    An application that has set up a tracer provider of its own keeps it.

    :raises ConfigurationError: when the packages are missing.
    """
    if tracer() is None:
        yield
        return
    from vital_shared.monitoring.exporting import start

    stop = start()
    try:
        yield
    finally:
        stop()


def log_exporter() -> Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]] | None:
    """Return the processor of structlog's that sends lines to a collector; None: none is to get them."""
    if tracer() is None:
        return None
    from vital_shared.monitoring.exporting import is_exported
    from vital_shared.monitoring.otel_logs import export_line

    return export_line if is_exported("LOGS") else None
