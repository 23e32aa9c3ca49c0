"""Spans of model and tool calls, named as OpenTelemetry's semantic conventions for GenAI do.

https://github.com/open-telemetry/semantic-conventions-genai (2026, on conventions 1.41.1, in development). No
span has anything of what was asked, found or answered, and of errors they have the type.
"""

from __future__ import annotations

import time
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
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from vital_shared.models.call_parameters import CallParameters
from vital_shared.models.model_call import ModelCall
from vital_shared.models.tool import ToolCall
from vital_shared.monitoring.ended_model_call import EndedModelCall
from vital_shared.monitoring.genai_metrics import record_call

__all__ = [
    "AGENT_PROVIDER",
    "ModelSpan",
    "ToolSpan",
    "error_type",
    "fail",
    "link_to",
    "trace_id",
    "traceparent",
    "within_trace",
]

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

AGENT_PROVIDER: Final = EMBEDDED
"""The provider of agents, which run in the engine, whichever model answers for them."""

_FINISH: Final = {
    "end": "stop",
    "no_answer": "stop",
    "tool_calls": "tool_call",
    "refusal": "content_filter",
    "recitation": "content_filter",
}

_PROPAGATOR: Final = TraceContextTextMapPropagator()
"""W3C's traceparent and tracestate; no baggage, which anybody could have us send on."""

_EMBEDDINGS: Final = frozenset(
    {
        "gen_ai.request.encoding_formats",
        "gen_ai.usage.input_tokens",
        "vital.usage.estimated",
        "vital.request_id",
    }
)
"""The attributes of requests and usage that the conventions have for embeddings, and our own."""


class ModelSpan:
    """The span of one call of a model.

    :param model: ``provider:model``, or the bare name of an embedded one.
    :param node: the node that asks; empty: none.
    :param conversation: the id of the conversation that it belongs to; None: it belongs to none.
    :param operation: the operation, as the conventions name it.
    :param stream: whether the answer is streamed.
    """

    def __init__(
        self,
        tracer: Tracer,
        model: str,
        node: str = "",
        conversation: str | None = None,
        *,
        operation: str = "chat",
        stream: bool = True,
    ) -> None:
        provider, _, name = model.rpartition(":")
        self._is_answer = operation != "embeddings"
        self._common: dict[str, Any] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": PROVIDERS.get(provider, provider) or EMBEDDED,
            "gen_ai.request.model": name,
        }
        self._span = tracer.start_span(
            f"{operation} {name}",
            kind=SpanKind.CLIENT if provider else SpanKind.INTERNAL,
            attributes={
                **self._common,
                **({"gen_ai.request.stream": True} if stream and self._is_answer else {}),
                **({"vital.node": node} if node else {}),
                **(
                    {"gen_ai.conversation.id": conversation}
                    if conversation is not None and self._is_answer
                    else {}
                ),
            },
        )
        self._context = set_span_in_context(self._span)
        self._start = time.perf_counter()
        self._chunks: list[float] = []
        """Times at which the answer's chunks came, in seconds."""

    def sent(self, parameters: CallParameters) -> None:
        """Note the settings that the provider is sent, and the server that it is."""
        self._span.set_attributes(self._of_operation(_settings(parameters)))
        if parameters.server_address is not None:
            server = {"server.address": parameters.server_address, "server.port": parameters.server_port}
            self._common |= server
            self._span.set_attributes(server)

    def _of_operation(self, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return those that the conventions have for the operation."""
        if self._is_answer:
            return attributes
        return {name: value for name, value in attributes.items() if name in _EMBEDDINGS}

    def note(self, attributes: Mapping[str, str]) -> None:
        """Add attributes."""
        self._span.set_attributes(attributes)

    async def around(
        self, events: AsyncGenerator[T, None], chunks: tuple[type, ...]
    ) -> AsyncGenerator[T, None]:
        """Make it the current span wherever the model itself is at work, and nowhere else.

        Between two events the reader is at work, in the same context: so it is set for each step anew.

        :param chunks: the classes of events that are pieces of the answer.
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
                if type(event) in chunks:
                    self._chunks.append(time.perf_counter())
                yield event

    def end(self, end: EndedModelCall) -> None:
        """End it, and count the call in the metrics of the conventions."""
        span = self._span
        if end.stop is not None and self._is_answer:
            span.set_attribute("gen_ai.response.finish_reasons", (_FINISH.get(end.stop, end.stop),))
        if end.response_id is not None and self._is_answer:
            span.set_attribute("gen_ai.response.id", end.response_id)
        if end.response_model is not None and self._is_answer:
            span.set_attribute("gen_ai.response.model", end.response_model)
        if end.call is not None:
            span.set_attributes(self._of_operation(_usage(end.call)))
        failure = None
        if end.status == "cancelled":
            span.set_attribute("vital.status", end.status)
        elif end.status != "success":
            failure = end.status if end.error is None else error_type(end.error)
            fail(span, failure)
        span.end()
        record_call(
            self._common,
            seconds=time.perf_counter() - self._start,
            call=end.call,
            chunk_seconds=[at - self._start for at in self._chunks],
            response_model=end.response_model,
            error=failure,
            context=self._context,
        )


def _settings(parameters: CallParameters) -> dict[str, Any]:
    choices = parameters.choice_count
    attributes = {
        "gen_ai.request.max_tokens": parameters.max_tokens,
        "gen_ai.request.temperature": parameters.temperature,
        "gen_ai.request.top_p": parameters.top_p,
        "gen_ai.request.top_k": None if parameters.top_k is None else float(parameters.top_k),
        "gen_ai.request.frequency_penalty": parameters.frequency_penalty,
        "gen_ai.request.presence_penalty": parameters.presence_penalty,
        "gen_ai.request.seed": parameters.seed,
        "gen_ai.request.stop_sequences": parameters.stop_sequences,
        "gen_ai.request.choice.count": None if choices == 1 else choices,
        "gen_ai.output.type": parameters.output_type,
        "gen_ai.request.stream": parameters.is_streamed,
        "gen_ai.request.encoding_formats": parameters.encoding_formats,
    }
    return {name: value for name, value in attributes.items() if value is not None}


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

    def __init__(self, tracer: Tracer, call: ToolCall, description: str = "") -> None:
        self._span = tracer.start_span(
            f"execute_tool {call.name}",
            attributes={
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": call.name,
                "gen_ai.tool.call.id": call.id,
                "gen_ai.tool.type": "function",
                **({"gen_ai.tool.description": description} if description else {}),
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


def trace_id(span: Span) -> str | None:
    """Return the id of a span's trace, in hexadecimal; None: it is not sampled, so that nobody finds it."""
    context = span.get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid and context.trace_flags.sampled else None


def link_to(written: str) -> Link:
    """Return the link to a span that was written down."""
    return Link(get_current_span(_extracted({"traceparent": written})).get_span_context())


def _extracted(headers: Mapping[str, str]) -> Context:
    return _PROPAGATOR.extract(dict(headers))
