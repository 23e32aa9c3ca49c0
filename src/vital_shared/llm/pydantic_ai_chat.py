"""Chats as pydantic-ai's messages, and its streams as our events."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final, cast

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    PartDeltaEvent,
    PartStartEvent,
    SystemPromptPart,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters, StreamedResponse
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from vital_shared.deadline import call_seconds
from vital_shared.llm.base import (
    ModelEvent,
    ModelToolCall,
    ModelTurn,
    ModelUnavailable,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
)
from vital_shared.llm.wires.base import Chat, SystemTurn, ToolTurn, Turn, UserTurn
from vital_shared.llm.wires.counts import UsageReader
from vital_shared.llm.wires.fields import label_in
from vital_shared.llm.wires.timing import Timeouts

__all__ = ["ending", "messages", "parameters", "piece", "settings"]

WIRE: Final = "pydantic-ai"

_COUNTS: Final = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "output_reasoning_tokens",
)

_STOPS: Final[dict[str, StopReason]] = {"length": "length", "content_filter": "content_filter"}

_STOPS_OF_PROVIDERS: Final[dict[str, StopReason]] = {
    "refusal": "refusal",
    "recitation": "recitation",
    "image_recitation": "recitation",
}
"""Providers' own reasons, in lower case, that pydantic-ai counts as its content_filter."""


def messages(chat: Chat) -> list[ModelMessage]:
    """Write the chat."""
    written = [_message(turn) for turn in chat.turns]
    if chat.system:
        written.insert(0, ModelRequest(parts=[SystemPromptPart(chat.system)]))
    return [message for message in written if message.parts]


def parameters(chat: Chat, profile: ModelProfile) -> ModelRequestParameters:
    """Return the tools and the form of the answer; a schema is put in words for a model that takes none."""
    tools = [
        ToolDefinition(name=tool.name, description=tool.description, parameters_json_schema=tool.parameters)
        for tool in chat.tools
    ]
    if chat.response_schema is None:
        return ModelRequestParameters(function_tools=tools)
    return ModelRequestParameters(
        function_tools=tools,
        output_mode="native" if profile.get("supports_json_schema_output") else "prompted",
        output_object=OutputObjectDefinition(json_schema=dict(chat.response_schema), name="answer"),
    )


def settings(chat: Chat, timeouts: Timeouts) -> ModelSettings:
    """Return the settings; the chat's options are more of pydantic-ai's, ``extra_body`` among them."""
    chosen: dict[str, Any] = {
        "request_timeout": call_seconds(timeouts.total),
        "first_event_timeout": call_seconds(timeouts.connect + timeouts.first_token),
    }
    if chat.max_output_tokens is not None:
        chosen["max_tokens"] = chat.max_output_tokens
    if chat.temperature is not None:
        chosen["temperature"] = chat.temperature
    if chat.tools and not chat.may_call:
        chosen["tool_choice"] = "none"
    return cast("ModelSettings", chosen | dict(chat.options))


def piece(event: Any) -> ModelEvent | None:
    """Read one event; None: there is nothing in it for the reader."""
    if isinstance(event, PartDeltaEvent):
        delta = event.delta
        if isinstance(delta, TextPartDelta):
            return TextDelta(text=delta.content_delta) if delta.content_delta else None
        if isinstance(delta, ThinkingPartDelta):
            return ReasoningDelta(text=delta.content_delta) if delta.content_delta else None
    elif isinstance(event, PartStartEvent):
        part = event.part
        if isinstance(part, TextPart):
            return TextDelta(text=part.content) if part.content else None
        if isinstance(part, ThinkingPart):
            return ReasoningDelta(text=part.content) if part.content else None
    return None


def ending(stream: StreamedResponse, model: str) -> Iterable[ModelEvent]:
    """Return the usage, the tool calls and the reason of the end.

    :param model: ``provider:model``, for errors.
    """
    response = stream.get()
    finish, request_id = response.finish_reason, label_in(response.provider_response_id)
    stop = partial(Stop, request_id=request_id, response_id=request_id, response_model=response.model_name)
    yield from _usage(response)
    if finish == "error" or response.state != "complete":
        message = f'The answer of "{model}" went wrong, or broke off.'
        raise ModelUnavailable(message, model=model, request_id=request_id)
    early = _early_stop(response)
    if early is not None:  # a call that the limit cut off is none
        yield stop(reason=early)
        return
    calls = tuple(_call(part, model) for part in response.parts if isinstance(part, ToolCallPart))
    if not calls:
        yield stop(reason="end")
        return
    yield from calls
    text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    yield ModelTurn(text=text, calls=calls, wire=WIRE, native=_native(response))
    yield stop(reason="tool_calls")


def _early_stop(response: ModelResponse) -> StopReason | None:
    """Return the reason of an answer that is not whole; None: it is."""
    own = (response.provider_details or {}).get("finish_reason")
    if response.finish_reason == "content_filter" and isinstance(own, str):
        return _STOPS_OF_PROVIDERS.get(own.lower(), "content_filter")
    return _STOPS.get(response.finish_reason or "stop")


def _message(turn: Turn) -> ModelMessage:
    if isinstance(turn, UserTurn):
        return ModelRequest(parts=[UserPromptPart(turn.text)])
    if isinstance(turn, SystemTurn):
        return ModelRequest(parts=[SystemPromptPart(turn.text)])
    if isinstance(turn, ToolTurn):
        returned: list[ModelRequestPart] = [
            ToolReturnPart(
                each.name, each.text, tool_call_id=each.id, outcome="failed" if each.failed else "success"
            )
            for each in turn.outputs
        ]
        return ModelRequest(parts=returned)
    if turn.wire == WIRE and turn.native:
        return ModelMessagesTypeAdapter.validate_python([turn.native])[0]
    parts: list[ModelResponsePart] = [TextPart(turn.text)] if turn.text else []
    parts += [ToolCallPart(call.name, call.arguments, tool_call_id=call.id) for call in turn.calls]
    return ModelResponse(parts=parts)


def _native(response: ModelResponse) -> Any:
    """Return the answer as pydantic-ai keeps it, if it has thoughts: they go back with their signatures."""
    if not any(isinstance(part, ThinkingPart) for part in response.parts):
        return None
    return ModelMessagesTypeAdapter.dump_python([response], mode="json")[0]


def _usage(response: ModelResponse) -> Iterable[ModelEvent]:
    counts = {name: value for name in _COUNTS if (value := getattr(response.usage, name, None))}
    if counts:
        reader = UsageReader(counts)
        yield reader.usage(
            input_tokens=reader.count("input_tokens"),
            cached_input_tokens=reader.count("cache_read_tokens"),
            cache_write_tokens=reader.count("cache_write_tokens"),
            output_tokens=reader.count("output_tokens"),
            reasoning_tokens=reader.count("output_reasoning_tokens"),
        )


def _call(part: ToolCallPart, model: str) -> ModelToolCall:
    try:
        arguments = part.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError) as error:
        message = f'"{model}" asks for the tool "{part.tool_name}" with arguments that are not a JSON object.'
        raise ModelUnavailable(message, model=model) from error
    return ModelToolCall(id=part.tool_call_id, name=part.tool_name, arguments=arguments)
