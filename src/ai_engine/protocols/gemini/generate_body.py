"""Write a request of the Gemini API (its reference, "Generating content")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ai_engine.protocols.canonical.leading_system import split_leading_system
from ai_engine.protocols.canonical.messages import (
    CallPart,
    CanonicalMessage,
    MediaPart,
    MessagePart,
    OutputPart,
    TextPart,
)
from ai_engine.protocols.canonical.request import CanonicalRequest, FunctionTool, ReasoningWish, ToolChoice
from ai_engine.protocols.gemini.signatures import UNSIGNED

__all__ = ["generate_body"]

EFFORT_BUDGETS: Final = {
    "none": 0,
    "minimal": 1_024,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 24_576,
    "max": 24_576,
}
"""Thinking tokens of each effort for the models before Gemini 3 (its guide "OpenAI compatibility")."""

EFFORT_LEVELS: Final = {"none": "minimal", "xhigh": "high", "max": "high"}
"""The nearest levels of Gemini 3 to efforts that it does not have."""

MODELS_WITH_BUDGETS: Final = ("gemini-1", "gemini-2")


def generate_body(request: CanonicalRequest, model: str) -> dict[str, Any]:
    """Write the body; the model and the stream are in the address.

    :param request: one that fits; see `carried`.
    :param model: the provider's own name of the model.
    """
    system, messages = split_leading_system(request.messages)
    names = {part.id: part.name for each in messages for part in each.parts if isinstance(part, CallPart)}
    body: dict[str, Any] = {"contents": [_content(each, names) for each in messages]}
    if system:
        body["systemInstruction"] = {"parts": list(_parts(system, names))}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
        body["toolConfig"] = {"functionCallingConfig": _calling(request.tool_choice, request.tools)}
    if config := _generation(request, model):
        body["generationConfig"] = config
    return body


def _content(message: CanonicalMessage, names: Mapping[str, str]) -> dict[str, Any]:
    """Write a message; instructions between others have no role of their own here."""
    parts = list(_parts(message.parts, names))
    first_call = next((part for part in parts if "functionCall" in part), None)
    if first_call is not None:  # of calls made at once only the first one has a signature
        first_call["thoughtSignature"] = UNSIGNED
    return {"role": "model" if message.role == "assistant" else "user", "parts": parts}


def _parts(parts: Sequence[MessagePart], names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for part in parts:
        if isinstance(part, TextPart):
            yield {"text": part.text}
        elif isinstance(part, MediaPart):
            yield {"inlineData": {"mimeType": part.media_type, "data": part.data}}
        elif isinstance(part, CallPart):
            yield {"functionCall": {"id": part.id, "name": part.name, "args": part.arguments}}
        else:
            yield {"functionResponse": _response(part, names)}


def _response(part: OutputPart, names: Mapping[str, str]) -> dict[str, Any]:
    text = "\n".join(each.text for each in part.parts if isinstance(each, TextPart))
    response = {"error" if part.failed else "output": text}
    return {"id": part.call_id, "name": names.get(part.call_id, part.call_id), "response": response}


def _declaration(tool: FunctionTool) -> dict[str, Any]:
    declaration: dict[str, Any] = {"name": tool.name, "description": tool.description}
    if tool.parameters is not None:
        declaration["parametersJsonSchema"] = tool.parameters
    return declaration


def _calling(choice: ToolChoice, tools: Sequence[FunctionTool]) -> dict[str, Any]:
    """Write the choice of tools; strict ones are held to their schemas by the mode ``VALIDATED``."""
    if choice.kind == "none":
        return {"mode": "NONE"}
    if choice.kind == "required":
        return {"mode": "ANY"}
    if choice.kind == "tool":
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    return {"mode": "VALIDATED" if any(tool.strict for tool in tools) else "AUTO"}


def _generation(request: CanonicalRequest, model: str) -> dict[str, Any]:
    sampling = request.sampling
    config: dict[str, Any] = {
        "maxOutputTokens": sampling.max_output_tokens,
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "stopSequences": list(sampling.stop) or None,
        "seed": sampling.seed,
        "frequencyPenalty": sampling.frequency_penalty,
        "presencePenalty": sampling.presence_penalty,
        "thinkingConfig": _thinking(request.reasoning, model) or None,
    }
    if request.format is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = request.format.schema
    return {name: value for name, value in config.items() if value is not None}


def _thinking(wish: ReasoningWish, model: str) -> dict[str, Any]:
    config: dict[str, Any] = {"includeThoughts": True} if wish.is_shown else {}
    if wish.max_tokens is not None:
        config["thinkingBudget"] = wish.max_tokens
    elif wish.effort and model.removeprefix("models/").startswith(MODELS_WITH_BUDGETS):
        config["thinkingBudget"] = EFFORT_BUDGETS.get(wish.effort, EFFORT_BUDGETS["medium"])
    elif wish.effort:
        config["thinkingLevel"] = EFFORT_LEVELS.get(wish.effort, wish.effort)
    return config
