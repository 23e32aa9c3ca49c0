"""Fit a request to the protocol of a provider: refuse or drop what it cannot carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from ai_engine.protocols.canonical.answered_calls import with_outputs_behind_calls
from ai_engine.protocols.canonical.call_ids import accepted_call_id
from ai_engine.protocols.canonical.features import Feature, ProviderProtocol
from ai_engine.protocols.canonical.messages import (
    CallPart,
    CanonicalMessage,
    MediaPart,
    MessagePart,
    OutputPart,
    TextPart,
)
from ai_engine.protocols.canonical.request import CanonicalRequest, FunctionTool
from ai_engine.protocols.canonical.tool_schemas import complete_schema
from vital_shared.errors import InvalidRequest

__all__ = ["carried", "media_features"]

PROVIDER_TITLES: Final[dict[ProviderProtocol, str]] = {
    "openai": "OpenAI's chat completions",
    "anthropic": "Anthropic's messages",
    "gemini": "Gemini's API",
}


def carried(request: CanonicalRequest, provider: ProviderProtocol) -> CanonicalRequest:
    """Return the request as far as a provider's protocol can carry it.

    :raises InvalidRequest: naming the first field that it cannot, unless the request drops such fields.
    """
    if not request.drop_params:
        for feature, field in request.uses:
            if feature.carried_to(provider) == "refused":
                raise InvalidRequest(
                    f"{field} cannot be carried to the model, which speaks {PROVIDER_TITLES[provider]}: "
                    "leave it out, or set drop_params to true to have it dropped",
                    field=field,
                )
    asked = with_outputs_behind_calls(request.messages)
    messages = tuple(message for each in asked if (message := _fitting(each, provider)).parts)
    if provider != "openai":
        messages = _with_a_user(messages)
    if not any(message.role != "system" and _has_content(message, provider) for message in messages):
        raise InvalidRequest("messages holds nothing that the model can read: send text", field="messages")
    if provider == "anthropic":
        messages = _without_trailing_space(messages)
    tools = request.tools if provider == "gemini" else tuple(map(_with_whole_schema, request.tools))
    return _without_dropped(replace(request, messages=messages, tools=tools), provider)


def _with_a_user(messages: tuple[CanonicalMessage, ...]) -> tuple[CanonicalMessage, ...]:
    """Return the messages; instructions alone, which only OpenAI answers, end with a user's message."""
    if not messages or any(message.role != "system" for message in messages):
        return messages
    return (*messages[:-1], replace(messages[-1], role="user"))


def _without_trailing_space(messages: tuple[CanonicalMessage, ...]) -> tuple[CanonicalMessage, ...]:
    """Return the messages; a last one of the assistant may not end with white space at Anthropic."""
    last = messages[-1]
    if last.role != "assistant" or not isinstance(text := last.parts[-1], TextPart):
        return messages
    ended = TextPart(text.text.rstrip())
    return (*messages[:-1], replace(last, parts=(*last.parts[:-1], ended)))


def _with_whole_schema(tool: FunctionTool) -> FunctionTool:
    return tool if tool.parameters is None else replace(tool, parameters=complete_schema(tool.parameters))


def _has_content(message: CanonicalMessage, provider: ProviderProtocol) -> bool:
    """Return whether a provider reads anything of a message; Anthropic takes no blank text."""
    return provider != "anthropic" or any(
        not isinstance(part, TextPart) or part.text.strip() for part in message.parts
    )


def media_features(part: MediaPart) -> Iterator[Feature]:
    """Return the features that a part uses."""
    if part.kind == "audio":
        yield Feature.AUDIO_INPUT
    if part.url:
        yield Feature.IMAGE_URL if part.kind == "image" else Feature.DOCUMENT_URL
    if part.detail:
        yield Feature.IMAGE_DETAIL


def _fitting(message: CanonicalMessage, provider: ProviderProtocol) -> CanonicalMessage:
    return replace(message, parts=tuple(_fitting_parts(message.parts, provider)))


def _fitting_parts(parts: Iterable[MessagePart], provider: ProviderProtocol) -> Iterator[MessagePart]:
    for part in parts:
        if isinstance(part, MediaPart):
            if (fitting := _fitting_media(part, provider)) is not None:
                yield fitting
        elif isinstance(part, OutputPart):
            yield _fitting_output(replace(part, call_id=accepted_call_id(part.call_id, provider)), provider)
        elif isinstance(part, CallPart):
            yield replace(part, id=accepted_call_id(part.id, provider))
        else:
            yield part


def _fitting_media(part: MediaPart, provider: ProviderProtocol) -> MediaPart | None:
    """Return the part, without its detail where that cannot be carried; None where itself cannot be."""
    lost = {each for each in media_features(part) if each.carried_to(provider) != "carried"}
    if Feature.IMAGE_DETAIL in lost:
        lost.remove(Feature.IMAGE_DETAIL)
        part = replace(part, detail="")
    return None if lost else part


def _fitting_output(part: OutputPart, provider: ProviderProtocol) -> OutputPart:
    if Feature.OUTPUT_MEDIA.carried_to(provider) != "carried":
        return replace(part, parts=tuple(each for each in part.parts if not isinstance(each, MediaPart)))
    fitting = (
        (_fitting_media(each, provider) if isinstance(each, MediaPart) else each) for each in part.parts
    )
    return replace(part, parts=tuple(each for each in fitting if each is not None))


def _without_dropped(request: CanonicalRequest, provider: ProviderProtocol) -> CanonicalRequest:
    """Return the request without settings that the provider's protocol does not have."""

    def lost(feature: Feature) -> bool:
        return feature.carried_to(provider) != "carried"

    sampling, reasoning = request.sampling, request.reasoning
    if lost(Feature.SEED):
        sampling = replace(sampling, seed=None)
    if lost(Feature.TOP_K):
        sampling = replace(sampling, top_k=None)
    if lost(Feature.PENALTIES):
        sampling = replace(sampling, frequency_penalty=None, presence_penalty=None)
    if lost(Feature.HIGH_TEMPERATURE) and (sampling.temperature or 0) > 1:
        sampling = replace(sampling, temperature=None)
    if provider == "anthropic" and sampling.top_p == 1:
        sampling = replace(
            sampling, top_p=None
        )  # asks for nothing; newer models refuse it with a temperature
    if lost(Feature.THINKING_BUDGET):
        reasoning = replace(reasoning, max_tokens=None)
    no_schema = request.format is not None and request.format.schema is None
    return replace(
        request,
        sampling=sampling,
        reasoning=reasoning,
        format=None if no_schema and lost(Feature.JSON_OBJECT) else request.format,
        tool_choice=replace(request.tool_choice, parallel=True)
        if lost(Feature.SINGLE_CALLS)
        else request.tool_choice,
    )
