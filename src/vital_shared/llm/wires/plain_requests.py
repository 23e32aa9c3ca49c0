"""Requests written more plainly, for servers and models that refuse a part of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["has_cache_marks", "system_text", "with_system_as_user", "without_cache_marks"]


def system_text(body: Mapping[str, Any]) -> str | None:
    """Return the system prompt of OpenAI's or Gemini's request; None where there is none."""
    match body:
        case {"systemInstruction": {"parts": [{"text": str(text)}]}, "contents": [{"parts": list()}, *_]}:
            return text
    messages = body.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    if not isinstance(first, dict) or first.get("role") != "system":
        return None
    return str(first["content"])


def with_system_as_user(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request whose system prompt stands before the user's first words."""
    system = system_text(body)
    if system is None:
        return body
    if "systemInstruction" in body:
        return _with_instruction_as_user(body, system)
    _, *messages = body["messages"]
    if messages and messages[0].get("role") == "user":
        messages[0] = {**messages[0], "content": f"{system}\n\n{messages[0]['content']}"}
    else:
        messages.insert(0, {"role": "user", "content": system})
    return {**body, "messages": messages}


def has_cache_marks(body: Mapping[str, Any]) -> bool:
    """Return whether the system prompt of Anthropic's request is marked for the provider's cache."""
    match body:
        case {"system": [{"text": str(), "cache_control": _}]}:
            return True
    return False


def without_cache_marks(body: dict[str, Any]) -> dict[str, Any]:
    """Return Anthropic's request with its system prompt as plain text."""
    if not has_cache_marks(body):
        return body
    return {**body, "system": body["system"][0]["text"]}


def _with_instruction_as_user(body: dict[str, Any], system: str) -> dict[str, Any]:
    left = {name: value for name, value in body.items() if name != "systemInstruction"}
    first, *contents = body["contents"]
    first = {**first, "parts": [{"text": f"{system}\n\n"}, *first["parts"]]}
    return {**left, "contents": [first, *contents]}
