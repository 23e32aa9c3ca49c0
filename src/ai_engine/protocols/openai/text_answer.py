"""Answers of models as OpenAI's older completions have them, whole and in chunks (its API reference)."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final

from typing_extensions import override

from ai_engine.protocols.canonical.answer import CanonicalAnswer
from ai_engine.protocols.openai.chat_answer import FINISH_REASONS, ChatAnswerWriter, chat_usage
from vital_shared.llm.base import ModelEvent, Stop, TextDelta, Usage

__all__ = ["TextAnswerWriter", "text_completion"]

OBJECT_NAME: Final = "text_completion"


def text_completion(answer: CanonicalAnswer, model: str, answer_id: str) -> dict[str, Any]:
    """Write a whole answer; what a model has thought has no place in it."""
    return {
        "id": answer_id,
        "object": OBJECT_NAME,
        "created": int(time.time()),
        "model": model,
        "choices": [_choice(answer.text, FINISH_REASONS.get(answer.reason, "stop"))],
        "usage": chat_usage(answer.usage),
    }


def _choice(text: str, finish_reason: str | None) -> dict[str, Any]:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish_reason}


class TextAnswerWriter(ChatAnswerWriter):
    """The translation of a model's events into chunks: those of a chat with its text alone."""

    object_name: ClassVar = OBJECT_NAME

    @override
    def begin(self) -> bytes:
        """Write nothing: there is no first chunk without text."""
        return b""

    @override
    def write(self, event: ModelEvent) -> bytes:
        """Write one event; thoughts and calls of tools have no place."""
        return super().write(event) if isinstance(event, TextDelta | Usage | Stop) else b""

    @override
    def _choice(self, delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
        return _choice(delta.get("content", ""), finish_reason)
