"""Answers of models as Anthropic's Messages API has them, whole and streamed.

Source: Anthropic's API reference, "Create a Message", and its guide "Streaming Messages".
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from ai_engine.protocols.anthropic.error_types import error_body, error_type
from ai_engine.protocols.canonical.answer import CanonicalAnswer, StreamFailure
from ai_engine.protocols.canonical.server_sent import named_event
from vital_shared.llm.base import (
    ModelEvent,
    ModelToolCall,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    Usage,
)

__all__ = ["MessageAnswerWriter", "message_answer"]

STOP_REASONS: Final[dict[StopReason, str]] = {
    "end": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "recitation": "refusal",
}


def message_answer(answer: CanonicalAnswer, model: str, answer_id: str) -> dict[str, Any]:
    """Write a whole answer; its thinking has no signature, since none of Anthropic's models made it."""
    content: list[dict[str, Any]] = []
    if answer.reasoning:
        content.append({"type": "thinking", "thinking": answer.reasoning, "signature": ""})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    content += [_call(call, call.arguments) for call in answer.calls]
    return {
        **_message(model, answer_id),
        "content": content,
        "stop_reason": STOP_REASONS.get(answer.reason, "end_turn"),
        "usage": message_usage(answer.usage),
    }


def message_usage(usage: Usage) -> dict[str, Any]:
    """Write the counts; Anthropic's input is without the tokens that its cache read or wrote."""
    return {
        "input_tokens": usage.input_tokens - usage.cached_input_tokens - usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }


def _message(model: str, answer_id: str) -> dict[str, Any]:
    return {
        "id": answer_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _call(call: ModelToolCall, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}


class MessageAnswerWriter:
    """The translation of a model's events into those of a message's stream.

    :param model: the name that the client sent.
    :param answer_id: the id of the answer.
    :param input_tokens: an estimate, for the beginning of a stream whose provider counts at its end.
    """

    def __init__(self, model: str, answer_id: str, input_tokens: int = 0) -> None:
        self._model = model
        self._id = answer_id
        self._index = -1
        self._open = ""
        """The type of the block that has not ended; empty: there is none."""
        self._usage = Usage()
        self._estimate = input_tokens
        self._reason: StopReason = "end"

    def begin(self) -> bytes:
        """Write the beginning of the message, whose counts come with its end; clients show these at once."""
        usage = self._usage if self._usage.input_tokens else Usage(input_tokens=self._estimate)
        message = {**_message(self._model, self._id), "usage": message_usage(usage)}
        return named_event("message_start", {"type": "message_start", "message": message})

    def write(self, event: ModelEvent) -> bytes:
        """Write one event."""
        if isinstance(event, TextDelta):
            begun = self._begin_block("text", {"type": "text", "text": ""})
            return begun + self._delta({"type": "text_delta", "text": event.text})
        if isinstance(event, ReasoningDelta):
            block = {"type": "thinking", "thinking": "", "signature": ""}
            begun = self._begin_block("thinking", block)
            return begun + self._delta({"type": "thinking_delta", "thinking": event.text})
        if isinstance(event, ModelToolCall):
            return self._call(event)
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Stop):
            self._reason = event.reason
        return b""

    def end(self) -> bytes:
        """Write the reason of the end and the counts."""
        delta = {"stop_reason": STOP_REASONS.get(self._reason, "end_turn"), "stop_sequence": None}
        counted = {"type": "message_delta", "delta": delta, "usage": message_usage(self._usage)}
        stopped = named_event("message_stop", {"type": "message_stop"})
        return self._end_block() + named_event("message_delta", counted) + stopped

    def fail(self, failure: StreamFailure) -> bytes:
        """Write an error, which ends the stream."""
        return named_event("error", error_body(error_type(failure.status), failure.message))

    def _call(self, call: ModelToolCall) -> bytes:
        begun = self._begin_block("", _call(call, {}))
        arguments = orjson.dumps(call.arguments).decode()
        return begun + self._delta({"type": "input_json_delta", "partial_json": arguments})

    def _begin_block(self, kind: str, block: dict[str, Any]) -> bytes:
        """Begin a block, unless the last one goes on; a call never goes on."""
        if kind and kind == self._open:
            return b""
        ended = self._end_block()
        self._index += 1
        self._open = kind or "tool_use"
        begun = {"type": "content_block_start", "index": self._index, "content_block": block}
        return ended + named_event("content_block_start", begun)

    def _end_block(self) -> bytes:
        if not self._open:
            return b""
        self._open = ""
        return named_event("content_block_stop", {"type": "content_block_stop", "index": self._index})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        piece = {"type": "content_block_delta", "index": self._index, "delta": delta}
        return named_event("content_block_delta", piece)
