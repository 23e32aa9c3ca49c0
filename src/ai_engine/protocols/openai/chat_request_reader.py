"""Read a request of OpenAI's chat completions (its API reference, "Create chat completion")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.json_arguments import read_json_arguments
from ai_engine.protocols.canonical.messages import (
    CallPart,
    CanonicalMessage,
    MessagePart,
    MessageRole,
    OutputPart,
    TextPart,
)
from ai_engine.protocols.canonical.request import (
    CanonicalRequest,
    FunctionTool,
    JsonFormat,
    ReasoningWish,
    Sampling,
    ToolChoice,
)
from ai_engine.protocols.openai.chat_parts import read_content

__all__ = [
    "finished",
    "read_chat_request",
    "read_function",
    "read_function_choice",
    "read_json_schema",
    "read_prompt_cache_key",
    "read_sampling",
    "read_service_tier",
    "read_temperature",
    "read_verbosity",
]

ROLES: Final[dict[str, MessageRole]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
}
DEFAULT_TIERS: Final = ("", "auto", "default")


def read_chat_request(body: Any) -> CanonicalRequest:
    """Read a request.

    :raises InvalidRequest: naming the field that is wrong.
    """
    fields = FieldReader(body)
    messages = tuple(_merged(_read_message(each) for each in fields.objects("messages")))
    if not messages:
        raise fields.wrong("messages", "must hold a message")
    if messages[-1].role == "assistant":
        fields.note(Feature.ASSISTANT_PREFILL, "messages")
    options = fields.object("stream_options")
    user, safety_identifier = fields.text("user"), fields.text("safety_identifier")
    request = CanonicalRequest(
        model=fields.required_text("model"),
        messages=messages,
        tools=tuple(tool for each in fields.objects("tools") for tool in _read_tool(each)),
        tool_choice=_read_choice(fields),
        sampling=read_sampling(fields),
        format=_read_format(fields),
        reasoning=ReasoningWish(effort=fields.text("reasoning_effort")),
        user=user or safety_identifier,
        stream=bool(fields.flag("stream")),
        includes_usage=options is not None and bool(options.flag("include_usage")),
        drop_params=bool(fields.flag("drop_params")),
        uses=(),
        verbosity=read_verbosity(fields),
        service_tier=read_service_tier(fields),
        prompt_cache_key=read_prompt_cache_key(fields),
    )
    _note_features(fields, options)
    return finished(request, fields)


def finished(request: CanonicalRequest, fields: FieldReader) -> CanonicalRequest:
    """Return a request with what only its protocol has, once all its fields are read."""
    fields.finish()
    return replace(request, uses=tuple(fields.uses))


def _note_features(fields: FieldReader, options: FieldReader | None) -> None:
    if fields.integer("n", 1) not in (None, 1):
        fields.note(Feature.SEVERAL_ANSWERS, "n")
    if fields.flag("logprobs"):
        fields.note(Feature.LOGPROBS, "logprobs")
    if fields.any("top_logprobs"):
        fields.note(Feature.LOGPROBS, "top_logprobs")
    if fields.any("logit_bias"):
        fields.note(Feature.LOGIT_BIAS, "logit_bias")
    if fields.any("modalities") not in (None, ["text"]):
        fields.note(Feature.AUDIO_OUTPUT, "modalities")
    fields.use(Feature.AUDIO_OUTPUT, "audio")
    fields.use(Feature.REQUEST_LABELS, "metadata", "prompt_cache_retention", "store")
    if options is not None:
        options.ignore("include_obfuscation")


def _read_message(fields: FieldReader) -> CanonicalMessage:
    role = fields.required_text("role")
    if role not in ROLES:
        raise fields.wrong("role", "must be system, developer, user, assistant or tool")
    content = read_content(fields)
    fields.use(Feature.PLAIN_REASONING, "reasoning_content", "reasoning", "reasoning_details")
    if role == "tool":
        fields.ignore("name")
        return CanonicalMessage("user", (_output(fields, content),))
    fields.use(Feature.MESSAGE_NAMES, "name")
    if role == "assistant":
        return CanonicalMessage("assistant", tuple(_said(fields, content)))
    return CanonicalMessage(ROLES[role], content)


def _said(fields: FieldReader, content: tuple[MessagePart, ...]) -> Iterator[MessagePart]:
    yield from content
    if refusal := fields.text("refusal"):
        yield TextPart(refusal)
    fields.use(Feature.AUDIO_OUTPUT, "audio")
    fields.ignore("annotations")
    for call in fields.objects("tool_calls"):
        function = call.object("function")
        call.ignore("index")
        if function is None or call.text("type") not in ("", "function"):
            call.note(Feature.PROVIDER_TOOLS)
            continue
        yield CallPart(
            call.required_text("id"), function.required_text("name"), read_json_arguments(function)
        )


def _output(fields: FieldReader, content: tuple[MessagePart, ...]) -> OutputPart:
    parts = tuple(part for part in content if not isinstance(part, CallPart | OutputPart))
    if any(not isinstance(part, TextPart) for part in parts):
        fields.note(Feature.OUTPUT_MEDIA, "content")
    return OutputPart(fields.required_text("tool_call_id"), parts)


def _merged(messages: Iterator[CanonicalMessage]) -> Iterator[CanonicalMessage]:
    """Join the outputs of tools that follow each other: those of one turn belong together."""
    outputs: list[MessagePart] = []
    for message in messages:
        if message.parts and isinstance(message.parts[0], OutputPart):
            outputs += message.parts
            continue
        if outputs:
            yield CanonicalMessage("user", tuple(outputs))
            outputs = []
        yield message
    if outputs:
        yield CanonicalMessage("user", tuple(outputs))


def _read_tool(fields: FieldReader) -> Iterator[FunctionTool]:
    function = fields.object("function")
    if fields.required_text("type") != "function":
        fields.note(Feature.PROVIDER_TOOLS)
        return
    if function is None:
        raise fields.wrong("function", "is missing")
    yield read_function(function)


def read_function(function: FieldReader) -> FunctionTool:
    """Read a tool that the client runs."""
    return FunctionTool(
        name=function.required_text("name"),
        description=function.text("description"),
        parameters=function.schema("parameters"),
        strict=bool(function.flag("strict")),
    )


def _read_choice(fields: FieldReader) -> ToolChoice:
    choice = fields.any("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "function":
        function = FieldReader(choice.get("function"), "tool_choice.function")
        return read_function_choice(fields, function.required_text("name"))
    return read_function_choice(fields, None)


def read_function_choice(fields: FieldReader, name: str | None) -> ToolChoice:
    """Read the choice of tools, as both of OpenAI's protocols have it.

    :param name: the tool that has to be called; None: the field says something else.
    """
    parallel = fields.flag("parallel_tool_calls") is not False
    if not parallel and fields.any("tools"):
        fields.note(Feature.SINGLE_CALLS, "parallel_tool_calls")
    if name is not None:
        return ToolChoice("tool", name, parallel=parallel)
    choice = fields.any("tool_choice")
    if isinstance(choice, dict):
        allowed = choice.get("type") == "allowed_tools"
        fields.note(Feature.ALLOWED_TOOLS if allowed else Feature.PROVIDER_TOOLS, "tool_choice")
        return ToolChoice(parallel=parallel)
    if choice in (None, "auto"):
        return ToolChoice(parallel=parallel)
    if choice == "none":
        return ToolChoice("none", parallel=parallel)
    if choice == "required":
        return ToolChoice("required", parallel=parallel)
    raise fields.wrong("tool_choice", "must be none, auto, required or a tool")


def read_sampling(fields: FieldReader) -> Sampling:
    """Read how tokens are drawn, as OpenAI's chats and older completions have it."""
    penalties = (_penalty(fields, "frequency_penalty"), _penalty(fields, "presence_penalty"))
    limit = fields.integer("max_tokens", 1)
    limit = fields.integer("max_completion_tokens", 1) or limit
    fields.use(Feature.SEED, "seed")
    fields.use(Feature.TOP_K, "top_k")
    return Sampling(
        temperature=read_temperature(fields),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k"),
        max_output_tokens=limit,
        stop=fields.texts("stop"),
        seed=fields.integer("seed"),
        frequency_penalty=penalties[0],
        presence_penalty=penalties[1],
    )


def read_temperature(fields: FieldReader) -> float | None:
    """Read the temperature, and note one that Anthropic does not have."""
    temperature = fields.number("temperature")
    if temperature is not None and temperature > 1:
        fields.note(Feature.HIGH_TEMPERATURE, "temperature")
    return temperature


def read_verbosity(fields: FieldReader) -> str:
    """Read how long an answer shall be, as both of OpenAI's protocols have it; empty: as it is."""
    verbosity = fields.text("verbosity")
    if verbosity in ("", "medium"):
        return ""
    fields.note(Feature.VERBOSITY, "verbosity")
    return verbosity


def read_service_tier(fields: FieldReader) -> str:
    """Read the tier, as both of OpenAI's protocols have it; empty: the default."""
    tier = fields.text("service_tier")
    if tier in DEFAULT_TIERS:
        return ""
    fields.note(Feature.SERVICE_TIER, "service_tier")
    return tier


def read_prompt_cache_key(fields: FieldReader) -> str:
    """Read the key of the cache of prompts, as both of OpenAI's protocols have it."""
    fields.use(Feature.PROMPT_CACHE_KEY, "prompt_cache_key")
    return fields.text("prompt_cache_key")


def _penalty(fields: FieldReader, name: str) -> float | None:
    penalty = fields.number(name) or None
    if penalty is not None:
        fields.note(Feature.PENALTIES, name)
    return penalty


def _read_format(fields: FieldReader) -> JsonFormat | None:
    response_format = fields.object("response_format")
    if response_format is None:
        return None
    kind = response_format.required_text("type")
    if kind == "text":
        return None
    if kind == "json_object":
        fields.note(Feature.JSON_OBJECT, "response_format")
        return JsonFormat()
    schema = response_format.object("json_schema")
    if kind != "json_schema" or schema is None:
        raise response_format.wrong("type", "must be text, json_object, or json_schema with the schema")
    return read_json_schema(schema)


def read_json_schema(fields: FieldReader) -> JsonFormat:
    """Read the schema of an answer."""
    fields.ignore("description")
    return JsonFormat(
        schema=fields.schema("schema") or {"type": "object"},
        name=fields.text("name") or "answer",
        strict=bool(fields.flag("strict")),
    )
