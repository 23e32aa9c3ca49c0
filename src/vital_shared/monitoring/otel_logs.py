"""Log lines over OTLP: a processor of structlog's that passes each on to OpenTelemetry's own pipeline."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.context import get_current

from vital_shared.version import __version__

__all__ = ["export_line"]

_SEVERITIES: Final = {
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}
"""By level. Lines of debug level may hold what users ask, and are not sent."""

_OWN_FIELDS: Final = frozenset({"event", "level", "timestamp", "exception", "trace_id", "span_id"})

_OWN_LOGGER: Final = "opentelemetry"
"""The logger of the pipeline itself: a line about a failed export would follow each failed export."""


def export_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Pass a line on; the current span's trace is its own."""
    severity = _SEVERITIES.get(event.get("level", ""))
    name = str(event.get("logger", ""))
    if severity is None or name.split(".", maxsplit=1)[0] == _OWN_LOGGER:
        return event
    attributes = {key: _plain(value) for key, value in event.items() if key not in _OWN_FIELDS}
    if "exception" in event:
        attributes["exception.stacktrace"] = str(event["exception"])
    get_logger("vital", __version__).emit(
        LogRecord(
            context=get_current(),
            severity_text=event["level"].upper(),
            severity_number=severity,
            body=str(event.get("event", "")),
            attributes=attributes,
        )
    )
    return event


def _plain(value: Any) -> str | bool | int | float:
    return value if isinstance(value, str | bool | int | float) else str(value)
