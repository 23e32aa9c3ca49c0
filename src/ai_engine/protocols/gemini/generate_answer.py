"""Answers of models as the Gemini API has them, whole and streamed.

Source: the reference of the Gemini API, `GenerateContentResponse`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ai_engine.protocols.canonical.answer import CanonicalAnswer, StreamFailure
from ai_engine.protocols.canonical.server_sent import plain_event
from ai_engine.protocols.gemini.error_statuses import error_body
from vital_shared.llm.base import (
    ModelEvent,
    ModelToolCall,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    Usage,
)

__all__ = ["GenerateAnswerWriter", "generate_answer"]

FINISH_REASONS: Final[dict[StopReason, str]] = {
    "end": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "recitation": "RECITATION",
}


def generate_answer(
    answer: CanonicalAnswer, model: str, answer_id: str, *, shows_thoughts: bool
) -> dict[str, Any]:
    """Write a whole answer.

    :param shows_thoughts: whether the client has asked for the model's reasoning.
    """
    parts: list[dict[str, Any]] = []
    if answer.reasoning and shows_thoughts:
        parts.append(_thought(answer.reasoning))
    if answer.text:
        parts.append({"text": answer.text})
    parts += [_call(each) for each in answer.calls]
    return _response(model, answer_id, parts, answer.usage, answer.reason)


def _response(
    model: str,
    answer_id: str,
    parts: Sequence[dict[str, Any]],
    usage: Usage | None = None,
    reason: StopReason | None = None,
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if reason is not None:
        candidate["finishReason"] = FINISH_REASONS.get(reason, "STOP")
    counts = {} if usage is None else {"usageMetadata": _usage(usage)}
    return {"candidates": [candidate], **counts, "modelVersion": model, "responseId": answer_id}


def _usage(usage: Usage) -> dict[str, int]:
    """Write the counts; Gemini's output is without thoughts."""
    return {
        "promptTokenCount": usage.input_tokens,
        "cachedContentTokenCount": usage.cached_input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }


def _thought(text: str) -> dict[str, Any]:
    return {"text": text, "thought": True}


def _call(call: ModelToolCall) -> dict[str, Any]:
    return {"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}}


class GenerateAnswerWriter:
    """The translation of a model's events into the chunks of a stream, which has no end of its own.

    :param model: the name that the client sent.
    :param answer_id: the id of the answer.
    :param shows_thoughts: whether the client has asked for the model's reasoning.
    """

    def __init__(self, model: str, answer_id: str, *, shows_thoughts: bool) -> None:
        self._model = model
        self._id = answer_id
        self._shows_thoughts = shows_thoughts
        self._usage = Usage()
        self._reason: StopReason = "end"

    def begin(self) -> bytes:
        """Return nothing: a stream begins with its first chunk."""
        return b""

    def write(self, event: ModelEvent) -> bytes:
        """Write one event."""
        if isinstance(event, TextDelta):
            return self._chunk({"text": event.text})
        if isinstance(event, ReasoningDelta):
            return self._chunk(_thought(event.text)) if self._shows_thoughts else b""
        if isinstance(event, ModelToolCall):
            return self._chunk(_call(event))
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Stop):
            self._reason = event.reason
        return b""

    def end(self) -> bytes:
        """Write the reason of the end and the counts."""
        return plain_event(_response(self._model, self._id, [{"text": ""}], self._usage, self._reason))

    def fail(self, failure: StreamFailure) -> bytes:
        """Write an error, which ends the stream."""
        return plain_event(error_body(failure.status, failure.message))

    def _chunk(self, part: dict[str, Any]) -> bytes:
        return plain_event(_response(self._model, self._id, [part]))
