"""A whole chat completion as a chunk of a stream: some servers answer so although a stream was asked for."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["as_chunk"]


def as_chunk(data: bytes) -> bytes:
    """Return a whole completion as one chunk, and any other event as it is."""
    if b'"message"' not in data:
        return data
    try:
        completion = orjson.loads(data)
    except orjson.JSONDecodeError:
        return data
    choices = completion.get("choices") if isinstance(completion, dict) else None
    if not isinstance(choices, list) or not any(map(_is_whole, choices)):
        return data
    return orjson.dumps(
        {**completion, "object": "chat.completion.chunk", "choices": [_chunk(each) for each in choices]}
    )


def _is_whole(choice: Any) -> bool:
    return isinstance(choice, dict) and isinstance(choice.get("message"), dict) and "delta" not in choice


def _chunk(choice: Any) -> Any:
    """Write a choice of a chunk: its text is a delta, and its tool calls have numbers."""
    if not _is_whole(choice):
        return choice
    rest = {name: value for name, value in choice.items() if name != "message"}
    delta = dict(choice["message"])
    calls = delta.get("tool_calls")
    if isinstance(calls, list):
        numbered = enumerate(calls)
        delta["tool_calls"] = [
            {"index": number, **each} if isinstance(each, dict) else each for number, each in numbered
        ]
    return {**rest, "delta": delta}
