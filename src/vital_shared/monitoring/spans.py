"""Spans of model and tool calls, named as OpenTelemetry's semantic conventions for GenAI do.

https://github.com/open-telemetry/semantic-conventions-genai (2026, on conventions 1.41.1, in development). No
span has anything of what was asked, found or answered, and of errors they have the type.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any, Final, Self, TypeVar

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from vital_shared.models.model_call import ModelCall
from vital_shared.models.tool import ToolCall

__all__ = ["ModelSpan", "ToolSpan", "error_type", "fail", "link_to", "traceparent", "within_trace"]

T = TypeVar("T")

PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "moonshotai": "moonshot_ai",
    "xai": "x_ai",
}
"""Names of providers in the semantic conventions, where they differ from ours."""

EMBEDDED: Final = "vital"
"""The provider of models that have none: they are part of the engine."""

_FINISH: Final = {
    "end": "stop",
    "no_answer": "stop",
    "tool_calls": "tool_call",
    "refusal": "content_filter",
    "recitation": "content_filter",
}

_PROPAGATOR: Final = TraceContextTextMapPropagator()
"""W3C's traceparent and tracestate; no baggage, which anybody could have us send on."""


class ModelSpan:
    """The span of one call of a model.

    :param model: ``provider:model``, or the bare name of an embedded one.
    :param node: the node that asks; empty: none.
    """

    def __init__(self, tracer: Tracer, model: str, node: str = "") -> None:
        provider, _, name = model.rpartition(":")
        self._span = tracer.start_span(
            f"chat {name}",
            kind=SpanKind.CLIENT if provider else SpanKind.INTERNAL,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": PROVIDERS.get(provider, provider) or EMBEDDED,
                "gen_ai.request.model": name,
                "gen_ai.request.stream": True,
                **({"vital.node": node} if node else {}),
            },
        )
        self._context = set_span_in_context(self._span)

    async def around(self, events: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Make it the current span wherever the model itself is at work, and nowhere else.

        Between two events the reader is at work, in the same context: so it is set for each step anew.
        """
        async with aclosing(events):
            while True:
                token = attach(self._context)
                try:
                    event = await anext(events)
                except StopAsyncIteration:
                    return
                finally:
                    detach(token)
                yield event

    def end(self, status: str, call: ModelCall | None, stop: str | None, error: BaseException | None) -> None:
        """End it.

        :param status: success, failed, timeout or cancelled.
        :param call: the record of the call; None: it never went out, or is not counted.
        :param stop: the reason why the model stopped, where it gave one.
        """
        span = self._span
        if stop is not None:
            span.set_attribute("gen_ai.response.finish_reasons", (_FINISH.get(stop, stop),))
        if call is not None:
            span.set_attributes(_usage(call))
        if status == "cancelled":
            span.set_attribute("vital.status", status)
        elif status != "success":
            fail(span, status if error is None else error_type(error))
        span.end()


def _usage(call: ModelCall) -> dict[str, Any]:
    tokens = call.tokens
    attributes = {
        "gen_ai.usage.input_tokens": tokens.input,
        "gen_ai.usage.output_tokens": tokens.output,
        "gen_ai.usage.cache_read.input_tokens": tokens.cached_input,
        "gen_ai.usage.cache_creation.input_tokens": tokens.cache_write,
        "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
        "gen_ai.response.time_to_first_chunk": call.first_token_seconds,
        "gen_ai.prompt.name": call.prompt or None,
        "vital.usage.estimated": tokens.estimated,
        "vital.request_id": call.request_id,
    }
    return {name: value for name, value in attributes.items() if value is not None}


class ToolSpan:
    """The span of one tool call; the current one within ``with``."""

    def __init__(self, tracer: Tracer, call: ToolCall) -> None:
        self._span = tracer.start_span(
            f"execute_tool {call.name}",
            attributes={
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": call.name,
                "gen_ai.tool.call.id": call.id,
                "gen_ai.tool.type": "function",
            },
        )

    def __enter__(self) -> Self:
        self._token = attach(set_span_in_context(self._span))
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        detach(self._token)
        if error is not None:  # only a cancellation comes through
            self._span.set_attribute("vital.status", "cancelled")
        self._span.end()

    def ended(self, status: str) -> None:
        """Note what came of it: success, failed or timeout."""
        if status != "success":
            fail(self._span, status)


def fail(span: Span, kind: str) -> None:
    """Mark a span as failed; what the error says stays out of it."""
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def error_type(error: BaseException) -> str:
    """Name an error's class in full."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


@contextmanager
def within_trace(headers: Mapping[str, str]) -> Iterator[None]:
    """Continue the trace that the sender of these headers has begun, if they name one."""
    token = attach(_extracted(headers))
    try:
        yield
    finally:
        detach(token)


def traceparent(span: Span) -> str | None:
    """Write down which span it is, so that a later one can link to it; None: it is not recorded anywhere."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, set_span_in_context(span))
    return carrier.get("traceparent")


def link_to(written: str) -> Link:
    """Return the link to a span that was written down."""
    return Link(get_current_span(_extracted({"traceparent": written})).get_span_context())


def _extracted(headers: Mapping[str, str]) -> Context:
    return _PROPAGATOR.extract(dict(headers))
