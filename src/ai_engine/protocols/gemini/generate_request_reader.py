"""Read a request of the Gemini API (its reference, "Generating content")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.messages import CanonicalMessage
from ai_engine.protocols.canonical.request import (
    CanonicalRequest,
    FunctionTool,
    JsonFormat,
    ReasoningWish,
    Sampling,
    ToolChoice,
)
from ai_engine.protocols.gemini.content_parts import read_contents, read_texts
from ai_engine.protocols.gemini.field_names import normal_form
from ai_engine.protocols.gemini.schemas import json_schema

__all__ = ["read_generate_request"]

EFFORTS: Final = frozenset({"minimal", "low", "medium", "high"})

DEFAULT_TIERS: Final = ("", "standard", "unspecified")

OPEN_RESOLUTION: Final = "MEDIA_RESOLUTION_UNSPECIFIED"

JSON: Final = "application/json"

OPEN_BUDGET: Final = -1
"""A budget of thinking that the model sets by itself."""


def read_generate_request(body: Any) -> CanonicalRequest:
    """Read a request, to which ``model`` and ``stream`` were added from its address.

    :raises InvalidRequest: naming the field that is wrong.
    """
    fields = FieldReader(normal_form(body) if isinstance(body, dict) else body)
    system = read_texts(fields, "systemInstruction")
    messages = read_contents(fields)
    if not messages:
        raise fields.wrong("contents", "must hold a message")
    if messages[-1].role == "assistant":
        fields.note(Feature.ASSISTANT_PREFILL, "contents")
    config = fields.object("generationConfig") or FieldReader({}, "generationConfig", fields.uses)
    fields.use(Feature.REQUEST_LABELS, "labels", "store")
    if fields.any("safetySettings"):  # an empty list, as LangChain sends it, asks for nothing
        fields.note(Feature.SAFETY_SETTINGS, "safetySettings")
    request = CanonicalRequest(
        model=fields.required_text("model"),
        messages=((CanonicalMessage("system", system),) if system else ()) + messages,
        tools=tuple(tool for each in fields.objects("tools") for tool in _read_tools(each)),
        tool_choice=_read_choice(fields),
        sampling=_read_sampling(config),
        format=_read_format(config),
        reasoning=_read_thinking(config),
        stream=bool(fields.flag("stream")),
        drop_params=bool(fields.flag("dropParams")),
        service_tier=_read_service_tier(fields),
    )
    fields.finish()
    return replace(request, uses=tuple(fields.uses))


def _read_service_tier(fields: FieldReader) -> str:
    """Read the tier, whose names are OpenAI's, too; empty: the default."""
    tier = fields.text("serviceTier").lower()
    if tier in DEFAULT_TIERS:
        return ""
    fields.note(Feature.SERVICE_TIER, "serviceTier")
    return tier


def _read_tools(fields: FieldReader) -> Iterator[FunctionTool]:
    """Read the functions; all else is a tool that Google runs."""
    declarations = fields.objects("functionDeclarations")
    if not declarations:
        fields.note(Feature.PROVIDER_TOOLS)
    for each in declarations:
        schema, plain = each.schema("parameters"), each.schema("parametersJsonSchema")
        each.ignore("response", "responseJsonSchema")
        yield FunctionTool(
            name=each.required_text("name"),
            description=each.text("description"),
            parameters=json_schema(schema) if schema is not None else plain,
        )


def _read_choice(fields: FieldReader) -> ToolChoice:
    config = fields.object("toolConfig")
    calling = None if config is None else config.object("functionCallingConfig")
    if config is not None:
        config.use(Feature.PROVIDER_TOOLS, "retrievalConfig", "includeServerSideToolInvocations")
    if calling is None:
        return ToolChoice()
    names = calling.texts("allowedFunctionNames")
    calling.ignore("streamFunctionCallArguments")
    match calling.text("mode"):
        case "" | "MODE_UNSPECIFIED" | "AUTO" | "VALIDATED":
            if names:
                calling.note(Feature.ALLOWED_TOOLS, "allowedFunctionNames")
            return ToolChoice()
        case "NONE":
            return ToolChoice("none")
        case "ANY" if len(names) == 1:
            return ToolChoice("tool", names[0])
        case "ANY":
            if names:
                calling.note(Feature.ALLOWED_TOOLS, "allowedFunctionNames")
            return ToolChoice("required")
        case _:
            raise calling.wrong("mode", "must be AUTO, ANY, NONE or VALIDATED")


def _read_sampling(config: FieldReader) -> Sampling:
    answers = config.integer("candidateCount", 1)
    if answers not in (None, 1):
        config.note(Feature.SEVERAL_ANSWERS, "candidateCount")
    if config.flag("responseLogprobs"):
        config.note(Feature.LOGPROBS, "responseLogprobs")
    config.use(Feature.LOGPROBS, "logprobs")
    if any(each.upper() != "TEXT" for each in config.texts("responseModalities")):
        config.note(Feature.AUDIO_OUTPUT, "responseModalities")
    config.use(Feature.AUDIO_OUTPUT, "speechConfig")
    if config.text("mediaResolution") not in ("", OPEN_RESOLUTION):
        config.note(Feature.OTHER_FIELDS, "mediaResolution")
    for feature, name in (
        (Feature.TOP_K, "topK"),
        (Feature.SEED, "seed"),
        (Feature.PENALTIES, "frequencyPenalty"),
        (Feature.PENALTIES, "presencePenalty"),
    ):
        config.use(feature, name)
    temperature = config.number("temperature")
    if temperature is not None and temperature > 1:
        config.note(Feature.HIGH_TEMPERATURE, "temperature")
    top_k = config.number("topK")  # written as 40.0 by some clients
    return Sampling(
        temperature=temperature,
        top_p=config.number("topP"),
        top_k=None if top_k is None else int(top_k),
        max_output_tokens=config.integer("maxOutputTokens", 1),
        stop=config.texts("stopSequences"),
        seed=config.integer("seed"),
        frequency_penalty=config.number("frequencyPenalty"),
        presence_penalty=config.number("presencePenalty"),
    )


def _read_format(config: FieldReader) -> JsonFormat | None:
    schema, plain = config.schema("responseSchema"), config.schema("responseJsonSchema")
    kind = config.text("responseMimeType")
    if kind not in ("", "text/plain", JSON):
        config.note(Feature.OTHER_FIELDS, "responseMimeType")
    if schema is not None:
        return JsonFormat(json_schema(schema))
    if plain is not None:
        return JsonFormat(plain)
    if kind != JSON:
        return None
    config.note(Feature.JSON_OBJECT, "responseMimeType")
    return JsonFormat()


def _read_thinking(config: FieldReader) -> ReasoningWish:
    thinking = config.object("thinkingConfig")
    if thinking is None:
        return ReasoningWish()
    is_shown = bool(thinking.flag("includeThoughts"))
    level = thinking.text("thinkingLevel").lower()
    if level and level not in (*EFFORTS, "thinking_level_unspecified"):
        raise thinking.wrong("thinkingLevel", "must be MINIMAL, LOW, MEDIUM or HIGH")
    budget = thinking.integer("thinkingBudget", OPEN_BUDGET)
    if budget == 0:
        return ReasoningWish("none", is_shown=is_shown)
    if budget is not None and budget != OPEN_BUDGET:
        thinking.note(Feature.THINKING_BUDGET, "thinkingBudget")
        return ReasoningWish(max_tokens=budget, is_shown=is_shown)
    return ReasoningWish(level if level in EFFORTS else "", is_shown=is_shown)
