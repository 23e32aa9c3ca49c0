"""Read a request of Anthropic's Messages API (its API reference, "Create a Message")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ai_engine.protocols.anthropic.message_parts import read_blocks
from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.messages import CanonicalMessage, MessageRole
from ai_engine.protocols.canonical.request import (
    CanonicalRequest,
    FunctionTool,
    JsonFormat,
    ReasoningWish,
    Sampling,
    ToolChoice,
)
from vital_shared.errors import NotFound

__all__ = ["read_message_request"]

ROLES: Final[dict[str, MessageRole]] = {"user": "user", "assistant": "assistant", "system": "system"}

DEFAULT_TIERS: Final = (None, "auto", "standard_only")
"""Tiers that need nothing of another provider."""

DIRECT_CALLS: Final = ["direct"]
"""Callers of a tool where the model alone calls it."""


def read_message_request(body: Any, *, is_counting: bool = False) -> CanonicalRequest:
    """Read a request.

    :param is_counting: whether it only asks for the count of its tokens, for which it needs no limit.
    :raises InvalidRequest: naming the field that is wrong.
    """
    fields = FieldReader(body)
    system = read_blocks(fields, "system")
    messages = tuple(_read_message(each) for each in fields.objects("messages"))
    if not messages:
        raise fields.wrong("messages", "must hold a message")
    if messages[-1].role == "assistant":
        fields.note(Feature.ASSISTANT_PREFILL, "messages")
    output = fields.object("output_config")
    _read_thread(fields)
    request = CanonicalRequest(
        model=fields.required_text("model"),
        messages=((CanonicalMessage("system", system),) if system else ()) + messages,
        tools=tuple(tool for each in fields.objects("tools") for tool in _read_tool(each)),
        tool_choice=_read_choice(fields),
        sampling=_read_sampling(fields, is_counting=is_counting),
        format=None if output is None else _read_format(output),
        reasoning=_read_thinking(fields, "" if output is None else output.text("effort")),
        user=_read_user(fields),
        stream=bool(fields.flag("stream")),
        drop_params=bool(fields.flag("drop_params")),
    )
    if fields.any("service_tier") not in DEFAULT_TIERS:
        fields.note(Feature.OTHER_FIELDS, "service_tier")
    fields.finish()
    return replace(request, uses=tuple(fields.uses))


def _read_message(fields: FieldReader) -> CanonicalMessage:
    role = ROLES.get(fields.required_text("role"))
    if role is None:
        raise fields.wrong("role", "must be user or assistant")
    return CanonicalMessage(role, read_blocks(fields))


def _read_user(fields: FieldReader) -> str:
    metadata = fields.object("metadata")
    return "" if metadata is None else metadata.text("user_id")


def _read_thread(fields: FieldReader) -> None:
    """Refuse to continue a conversation, of which nothing is held here; clients then send all of it.

    Source: Anthropic's clients, `ThreadNotFoundError`. Beginning one asks for nothing but that it be held.
    """
    thread = fields.object("thread")
    if thread is not None and thread.required_text("type") != "create":
        field = thread.place("previous_message_id")
        raise NotFound(
            f"{field} refers to a conversation that is not stored here: send all messages", field=field
        )


def _read_tool(fields: FieldReader) -> Iterator[FunctionTool]:
    if fields.text("type") not in ("", "custom"):
        fields.note(Feature.PROVIDER_TOOLS)
        return
    fields.use(Feature.EAGER_ARGUMENTS, "eager_input_streaming")
    if fields.flag("defer_loading"):
        fields.note(Feature.OTHER_FIELDS, "defer_loading")
    if fields.any("allowed_callers") not in (None, DIRECT_CALLS):
        fields.note(Feature.OTHER_FIELDS, "allowed_callers")
    yield FunctionTool(
        name=fields.required_text("name"),
        description=fields.text("description"),
        parameters=fields.schema("input_schema"),
        strict=bool(fields.flag("strict")),
    )


def _read_choice(fields: FieldReader) -> ToolChoice:
    choice = fields.object("tool_choice")
    if choice is None:
        return ToolChoice()
    parallel = not choice.flag("disable_parallel_tool_use")
    if not parallel:
        choice.note(Feature.SINGLE_CALLS, "disable_parallel_tool_use")
    match choice.required_text("type"):
        case "auto":
            return ToolChoice(parallel=parallel)
        case "none":
            return ToolChoice("none", parallel=parallel)
        case "any":
            return ToolChoice("required", parallel=parallel)
        case "tool":
            return ToolChoice("tool", choice.required_text("name"), parallel=parallel)
        case _:
            raise choice.wrong("type", "must be auto, any, none or tool")


def _read_sampling(fields: FieldReader, *, is_counting: bool) -> Sampling:
    limit = fields.integer("max_tokens", 1)
    if limit is None and not is_counting:
        raise fields.wrong("max_tokens", "is missing")
    temperature = fields.number("temperature")
    if temperature is not None and not 0 <= temperature <= 1:
        raise fields.wrong("temperature", "must be from 0 to 1")
    fields.use(Feature.TOP_K, "top_k")
    return Sampling(
        temperature=temperature,
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k", 0),
        max_output_tokens=limit,
        stop=fields.texts("stop_sequences"),
    )


def _read_format(output: FieldReader) -> JsonFormat | None:
    wanted = output.object("format")
    if wanted is None:
        return None
    if wanted.required_text("type") != "json_schema":
        raise wanted.wrong("type", "must be json_schema")
    return JsonFormat(wanted.schema("schema") or {"type": "object"})


def _read_thinking(fields: FieldReader, effort: str) -> ReasoningWish:
    """Read how much thinking is wanted; none, and as much as the model likes, are its own affair."""
    thinking = fields.object("thinking")
    if thinking is None:
        return ReasoningWish(effort)
    kind = thinking.required_text("type")
    thinking.ignore("display")
    budget = thinking.integer("budget_tokens", 1)
    if budget is None:
        return ReasoningWish(effort, is_shown=kind == "adaptive")
    thinking.note(Feature.THINKING_BUDGET, "budget_tokens")
    return ReasoningWish(effort, max_tokens=budget, is_shown=True)
