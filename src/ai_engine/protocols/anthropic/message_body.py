"""Write a request of Anthropic's Messages API (its API reference, "Create a Message")."""

from __future__ import annotations

from typing import Any, Final

from ai_engine.protocols.anthropic.closed_schema import closed_schema
from ai_engine.protocols.anthropic.message_parts import written_blocks
from ai_engine.protocols.canonical.leading_system import split_leading_system
from ai_engine.protocols.canonical.messages import CanonicalMessage
from ai_engine.protocols.canonical.request import CanonicalRequest, FunctionTool, ToolChoice
from ai_engine.protocols.canonical.user_ids import bounded_user

__all__ = ["message_body"]

DEFAULT_MAX_TOKENS: Final = 16_000
"""Limit of an answer, which the API requires, where the client sets none; every model may write as much."""

EFFORTS: Final = {"minimal": "low"}
"""Efforts of other protocols, and the nearest of this one's."""

MAX_USER_CHARACTERS: Final = 256
"""Characters of a user's id, as the API takes them."""


def message_body(request: CanonicalRequest, model: str) -> dict[str, Any]:
    """Write the body of a streamed request.

    :param request: one that fits; see `carried`.
    :param model: the provider's own name of the model.
    """
    system, messages = split_leading_system(request.messages)
    sampling = request.sampling
    user = bounded_user(request.user, MAX_USER_CHARACTERS)
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": sampling.max_output_tokens or DEFAULT_MAX_TOKENS,
        "system": written_blocks(system) or None,
        "messages": [written for each in messages if (written := _message(each))["content"]],
        "stream": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "stop_sequences": list(sampling.stop) or None,
        "metadata": {"user_id": user} if user else None,
        "output_config": _output_config(request) or None,
        "thinking": _thinking(request),
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body["tool_choice"] = _choice(request.tool_choice)
    return {name: value for name, value in body.items() if value is not None}


def _message(message: CanonicalMessage) -> dict[str, Any]:
    """Write a message; instructions between others have no role of their own here."""
    role = "assistant" if message.role == "assistant" else "user"
    return {"role": role, "content": written_blocks(message.parts)}


def _tool(tool: FunctionTool) -> dict[str, Any]:
    schema = tool.parameters if tool.parameters is not None else {"type": "object", "properties": {}}
    written: dict[str, Any] = {"name": tool.name, "input_schema": schema}
    if tool.description:
        written["description"] = tool.description
    return written | ({"strict": True} if tool.strict else {})


def _choice(choice: ToolChoice) -> dict[str, Any] | None:
    kind = {"required": "any"}.get(choice.kind, choice.kind)
    written: dict[str, Any] = {"type": kind} | ({"name": choice.name} if choice.kind == "tool" else {})
    if not choice.parallel and choice.kind != "none":
        written["disable_parallel_tool_use"] = True
    return None if written == {"type": "auto"} else written


def _output_config(request: CanonicalRequest) -> dict[str, Any]:
    config: dict[str, Any] = {}
    effort = request.reasoning.effort
    if effort not in ("", "none"):
        config["effort"] = EFFORTS.get(effort, effort)
    if request.format is not None and request.format.schema is not None:
        config["format"] = {"type": "json_schema", "schema": closed_schema(request.format.schema)}
    return config


def _thinking(request: CanonicalRequest) -> dict[str, Any] | None:
    if request.reasoning.max_tokens is not None:
        return {"type": "enabled", "budget_tokens": request.reasoning.max_tokens}
    return {"type": "disabled"} if request.reasoning.effort == "none" else None
