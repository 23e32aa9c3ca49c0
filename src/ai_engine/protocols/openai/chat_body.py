"""Write a request of OpenAI's chat completions (its API reference, "Create chat completion")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from ai_engine.protocols.canonical.messages import CallPart, CanonicalMessage, OutputPart
from ai_engine.protocols.canonical.request import CanonicalRequest, FunctionTool, JsonFormat, ToolChoice
from ai_engine.protocols.canonical.user_ids import bounded_user
from ai_engine.protocols.openai.chat_parts import written_content

__all__ = ["chat_body"]

MAX_USER_CHARACTERS: Final = 64
"""Characters of a user's id, as the API takes them."""


OPENAIS_LIMIT: Final = "max_completion_tokens"
"""The limit's name where OpenAI's own models are served, which have fields that other servers refuse."""


def chat_body(
    request: CanonicalRequest, model: str, *, max_tokens_field: str = OPENAIS_LIMIT
) -> dict[str, Any]:
    """Write the body of a streamed request.

    :param request: one that fits; see `carried`.
    :param model: the provider's own name of the model.
    :param max_tokens_field: the provider's name of the limit, which servers of others call ``max_tokens``.
    """
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "messages": [written for each in request.messages for written in _messages(each)],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        max_tokens_field: sampling.max_output_tokens,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "reasoning_effort": request.reasoning.effort or None,
        "response_format": None if request.format is None else _format(request.format),
        "user": bounded_user(request.user, MAX_USER_CHARACTERS),
        "verbosity": request.verbosity or None,
        "service_tier": request.service_tier or None,
    }
    if max_tokens_field == OPENAIS_LIMIT:
        body["prompt_cache_key"] = request.prompt_cache_key or None
    if request.tools:
        body["tools"] = [{"type": "function", "function": _function(tool)} for tool in request.tools]
        body["tool_choice"] = _choice(request.tool_choice)
        body["parallel_tool_calls"] = None if request.tool_choice.parallel else False
    return {name: value for name, value in body.items() if value is not None}


def _messages(message: CanonicalMessage) -> Iterator[dict[str, Any]]:
    """Write a message; each output of a tool is one of its own."""
    for part in message.parts:
        if isinstance(part, OutputPart):
            content = written_content(part.parts) or ""
            yield {"role": "tool", "tool_call_id": part.call_id, "content": content}
    calls = [_call(part) for part in message.parts if isinstance(part, CallPart)]
    content = written_content(message.parts)
    if content or calls:
        written: dict[str, Any] = {"role": message.role, "content": content or None}
        yield written | ({"tool_calls": calls} if calls else {})


def _call(part: CallPart) -> dict[str, Any]:
    function = {"name": part.name, "arguments": orjson.dumps(part.arguments).decode()}
    return {"id": part.id, "type": "function", "function": function}


def _function(tool: FunctionTool) -> dict[str, Any]:
    written = {
        "name": tool.name,
        "description": tool.description or None,
        "parameters": tool.parameters,
        "strict": tool.strict or None,
    }
    return {name: value for name, value in written.items() if value is not None}


def _choice(choice: ToolChoice) -> Any:
    if choice.kind == "tool":
        return {"type": "function", "function": {"name": choice.name}}
    return None if choice.kind == "auto" else choice.kind


def _format(wanted: JsonFormat) -> dict[str, Any]:
    if wanted.schema is None:
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": wanted.name, "schema": wanted.schema}
    return {"type": "json_schema", "json_schema": schema | ({"strict": True} if wanted.strict else {})}
