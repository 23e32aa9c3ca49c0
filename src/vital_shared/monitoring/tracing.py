"""Whether runs are traced; nothing of OpenTelemetry is imported where they are not.

``VITAL_TRACING=1`` turns it on and ``0`` off; unset, it is on where OpenTelemetry's own variables name an
OTLP endpoint. Spans go to the tracer provider of the process: the application's, or what `exporting` sets up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Final

from vital_shared.errors import ConfigurationError
from vital_shared.models.tool import ToolCall
from vital_shared.version import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from vital_shared.monitoring.spans import ModelSpan, ToolSpan

__all__ = [
    "continued",
    "current_trace_id",
    "model_span",
    "note_retrieval",
    "tool_span",
    "trace_context",
    "tracer",
]

SCHEMA: Final = "https://opentelemetry.io/schemas/1.41.1"
"""The semantic conventions that names follow; their part on GenAI is still in development."""

_SWITCH: Final = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}
_ENDPOINTS: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)


@cache
def tracer() -> Tracer | None:
    """Return what makes spans, or None where runs are not traced; the environment decides, once.

    :raises ConfigurationError: when it turns tracing on and the packages are missing.
    """
    if not _wanted(os.environ):
        return None
    try:
        from opentelemetry.trace import get_tracer
    except ImportError as error:
        raise ConfigurationError(
            "VITAL_TRACING or an OTLP endpoint is set, and OpenTelemetry is not installed: "
            "run `pip install 'vital-engine[otel]'`, or set VITAL_TRACING=0."
        ) from error
    return get_tracer("vital", __version__, schema_url=SCHEMA)


def _wanted(environ: Mapping[str, str]) -> bool:
    switch = environ.get("VITAL_TRACING", "").strip().lower()
    if switch and switch not in _SWITCH:
        raise ConfigurationError(f"The environment variable VITAL_TRACING is {switch!r}: set it to 1 or 0.")
    return _SWITCH.get(switch, any(environ.get(name) for name in _ENDPOINTS))


def continued(headers: Mapping[str, str]) -> AbstractContextManager[object]:
    """Make what runs within belong to the trace that a request's ``traceparent`` names."""
    if tracer() is None:
        return nullcontext()
    from vital_shared.monitoring.spans import within_trace

    return within_trace(headers)


def current_trace_id() -> str | None:
    """Return the id of the current trace, in hexadecimal; None where there is none, or it is not sampled."""
    if tracer() is None:
        return None
    from opentelemetry.trace import format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid and context.trace_flags.sampled else None


def trace_context() -> dict[str, str]:
    """Return the ids of the current trace and span, in hexadecimal; nothing where there is none."""
    if tracer() is None:
        return {}
    from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": format_trace_id(context.trace_id), "span_id": format_span_id(context.span_id)}


def model_span(
    model: str,
    node: str = "",
    conversation: str | None = None,
    *,
    operation: str = "chat",
    stream: bool = True,
) -> ModelSpan | None:
    """Begin the span of a model's call; None where it is not traced."""
    found = tracer()
    if found is None:
        return None
    from vital_shared.monitoring.spans import ModelSpan

    return ModelSpan(found, model, node, conversation, operation=operation, stream=stream)


def note_retrieval(limit: int) -> None:
    """Note how many passages are asked for, at most, in the span of a retrieval."""
    if tracer() is None:
        return
    from opentelemetry.trace import get_current_span

    get_current_span().set_attribute("gen_ai.request.top_k", float(limit))


def tool_span(call: ToolCall, description: str = "") -> AbstractContextManager[ToolSpan | None]:
    """Begin the span of a tool's call, within which the tool runs; None where it is not traced."""
    found = tracer()
    if found is None:
        return nullcontext()
    from vital_shared.monitoring.spans import ToolSpan

    return ToolSpan(found, call, description)
