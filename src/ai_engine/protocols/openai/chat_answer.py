"""Answers of models as OpenAI's chat completions have them, whole and in chunks (its API reference).

Reasoning is in ``reasoning_content``, as DeepSeek and most servers show it.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final

import orjson

from ai_engine.protocols.canonical.answer import CanonicalAnswer, StreamFailure
from ai_engine.protocols.canonical.server_sent import plain_event
from ai_engine.protocols.openai.errors import CODES, TYPES
from vital_shared.llm.base import (
    ModelEvent,
    ModelToolCall,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    Usage,
)

__all__ = ["FINISH_REASONS", "ChatAnswerWriter", "chat_completion", "chat_usage"]

DONE: Final = b"data: [DONE]\n\n"

FINISH_REASONS: Final[dict[StopReason, str]] = {
    "end": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "recitation": "content_filter",
}


def chat_completion(answer: CanonicalAnswer, model: str, answer_id: str) -> dict[str, Any]:
    """Write a whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = [_call(call) for call in answer.calls]
    finish = FINISH_REASONS.get(answer.reason, "stop")
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return {
        "id": answer_id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
        "usage": chat_usage(answer.usage),
    }


def chat_usage(usage: Usage) -> dict[str, Any]:
    """Write the counts; the cached ones are part of the prompt's."""
    prompt = {"cached_tokens": usage.cached_input_tokens, "cache_write_tokens": usage.cache_write_tokens}
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _call(call: ModelToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()}
    return {"id": call.id, "type": "function", "function": function}


class ChatAnswerWriter:
    """The translation of a model's events into chunks.

    :param model: the name that the client sent.
    :param answer_id: the id of the answer.
    :param includes_usage: whether the last chunk reports the usage.
    """

    object_name: ClassVar = "chat.completion.chunk"

    def __init__(self, model: str, answer_id: str, *, includes_usage: bool = False) -> None:
        self._model = model
        self._id = answer_id
        self._includes_usage = includes_usage
        self._created = int(time.time())
        self._calls = 0
        self._usage = Usage()
        self._reason: StopReason = "end"

    def begin(self) -> bytes:
        """Write the first chunk."""
        return self._chunk({"role": "assistant", "content": ""})

    def write(self, event: ModelEvent) -> bytes:
        """Write one event."""
        if isinstance(event, TextDelta):
            return self._chunk({"content": event.text})
        if isinstance(event, ReasoningDelta):
            return self._chunk({"reasoning_content": event.text})
        if isinstance(event, ModelToolCall):
            call = {"index": self._calls, **_call(event)}
            self._calls += 1
            return self._chunk({"tool_calls": [call]})
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Stop):
            self._reason = event.reason
        return b""

    def end(self) -> bytes:
        """Write the reason of the end, and the usage where it is wanted."""
        last = self._chunk({}, FINISH_REASONS.get(self._reason, "stop"))
        usage = self._frame([], usage=chat_usage(self._usage)) if self._includes_usage else b""
        return last + usage + DONE

    def fail(self, failure: StreamFailure) -> bytes:
        """Write an error, and the end of the stream."""
        error = {
            "message": failure.message,
            "type": TYPES.get(failure.status, "server_error"),
            "param": None,
            "code": CODES.get(failure.status) or failure.code or None,
        }
        return plain_event({"error": error}) + DONE

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = self._choice(delta, finish_reason)
        return self._frame([choice], **({"usage": None} if self._includes_usage else {}))

    def _choice(self, delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}

    def _frame(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        chunk = {
            "id": self._id,
            "object": self.object_name,
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }
        return plain_event(chunk | more)
