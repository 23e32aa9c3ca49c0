"""Read a request of OpenAI's Responses API (its API reference, "Create a model response").

Nothing is stored, so a request holds its whole conversation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.messages import CanonicalMessage, TextPart
from ai_engine.protocols.canonical.request import (
    CanonicalRequest,
    FunctionTool,
    JsonFormat,
    ReasoningWish,
    Sampling,
    ToolChoice,
)
from ai_engine.protocols.openai.chat_request_reader import (
    read_function,
    read_function_choice,
    read_json_schema,
    read_prompt_cache_key,
    read_service_tier,
    read_temperature,
    read_verbosity,
)
from ai_engine.protocols.responses.items import read_input

__all__ = ["read_response_request", "refuse_stored_state"]

STATEFUL_FIELDS: Final = {
    "previous_response_id": "send the whole conversation",
    "conversation": "send the whole conversation",
    "background": "leave it out, and wait for the answer or stream it",
    "prompt": "send its text as instructions",
}
"""Fields that need answers, conversations or prompts stored at the server, and what to do without."""

PROVIDER_OUTPUTS: Final = frozenset(
    {
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "file_search_call.results",
        "message.input_image.image_url",
        "web_search_call.action.sources",
        "web_search_call.results",
    }
)
"""Values of ``include`` that ask for nothing without tools of the provider's, or pictures stored there."""

REPEATED_FIELDS: Final = (
    "background",
    "instructions",
    "max_tool_calls",
    "metadata",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "top_logprobs",
    "truncation",
    "user",
)
"""Fields that a response repeats."""


def read_response_request(body: Any) -> CanonicalRequest:
    """Read a request.

    :raises InvalidRequest: naming the field that is wrong, or that needs stored state.
    """
    fields = FieldReader(body)
    refuse_stored_state(fields)
    instructions = fields.text("instructions")
    system = (CanonicalMessage("system", (TextPart(instructions),)),) if instructions else ()
    messages = read_input(fields)
    if not messages:
        raise fields.wrong("input", "must hold a message")
    if messages[-1].role == "assistant":
        fields.note(Feature.ASSISTANT_PREFILL, "input")
    user, safety_identifier = fields.text("user"), fields.text("safety_identifier")
    text = fields.object("text")
    request = CanonicalRequest(
        model=fields.required_text("model"),
        messages=system + messages,
        tools=tuple(tool for each in fields.objects("tools") for tool in _read_tool(each)),
        tool_choice=_read_choice(fields),
        sampling=Sampling(
            temperature=read_temperature(fields),
            top_p=fields.number("top_p"),
            max_output_tokens=fields.integer("max_output_tokens", 1),
        ),
        format=_read_format(text),
        reasoning=_read_reasoning(fields),
        user=user or safety_identifier,
        stream=bool(fields.flag("stream")),
        drop_params=bool(fields.flag("drop_params")),
        verbosity=_read_verbosity(text),
        service_tier=read_service_tier(fields),
        prompt_cache_key=read_prompt_cache_key(fields),
        repeated={name: body[name] for name in REPEATED_FIELDS if body.get(name) is not None},
    )
    _note_features(fields)
    fields.finish()
    return replace(request, uses=tuple(fields.uses))


def refuse_stored_state(fields: FieldReader) -> None:
    """See that a request names nothing that is stored at a server, where all tenants have one account.

    :raises InvalidRequest: when it does.
    """
    for name, advice in STATEFUL_FIELDS.items():
        if fields.any(name):
            raise fields.wrong(name, f"needs stored state, which is not kept here: {advice}")
    items = fields.any("input")
    for place, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and item.get("type") == "item_reference":
            advice = "item_reference names a stored item, and none are stored: send the item"
            raise fields.wrong(f"input.{place}.type", advice)


def _note_features(fields: FieldReader) -> None:
    for place, wanted in fields.items("include"):
        if wanted == "reasoning.encrypted_content":
            fields.note(Feature.ENCRYPTED_REASONING, place)
        elif wanted == "message.output_text.logprobs":
            fields.note(Feature.LOGPROBS, place)
        elif not isinstance(wanted, str) or wanted not in PROVIDER_OUTPUTS:
            fields.note(Feature.OTHER_FIELDS, place)
    if fields.any("top_logprobs"):
        fields.note(Feature.LOGPROBS, "top_logprobs")
    if fields.any("truncation") not in (None, "disabled"):
        fields.note(Feature.OTHER_FIELDS, "truncation")
    fields.use(Feature.REQUEST_LABELS, "metadata", "prompt_cache_retention", "store")
    fields.ignore("max_tool_calls", "stream_options")  # the former is of tools that the provider runs


def _read_tool(fields: FieldReader) -> Iterator[FunctionTool]:
    if fields.required_text("type") == "function":
        yield read_function(fields)
    else:
        fields.note(Feature.PROVIDER_TOOLS)


def _read_choice(fields: FieldReader) -> ToolChoice:
    choice = fields.any("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "function":
        return read_function_choice(fields, FieldReader(choice, "tool_choice").required_text("name"))
    return read_function_choice(fields, None)


def _read_verbosity(text: FieldReader | None) -> str:
    return "" if text is None else read_verbosity(text)


def _read_format(text: FieldReader | None) -> JsonFormat | None:
    if text is None:
        return None
    wanted = text.object("format")
    if wanted is None:
        return None
    match wanted.required_text("type"):
        case "text":
            return None
        case "json_object":
            text.note(Feature.JSON_OBJECT, "format")
            return JsonFormat()
        case "json_schema":
            return read_json_schema(wanted)
        case _:
            raise wanted.wrong("type", "must be text, json_object or json_schema")


def _read_reasoning(fields: FieldReader) -> ReasoningWish:
    reasoning = fields.object("reasoning")
    if reasoning is None:
        return ReasoningWish()
    summary = reasoning.text("summary") or reasoning.text("generate_summary")
    return ReasoningWish(effort=reasoning.text("effort"), is_shown=bool(summary))
