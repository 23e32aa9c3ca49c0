"""Answers of models as OpenAI's older completions have them, whole and in chunks (its API reference)."""

from __future__ import annotations

import time
from typing import Any

from ai_engine.protocols.canonical.answer import CanonicalAnswer, StreamFailure
from ai_engine.protocols.canonical.server_sent import plain_event
from ai_engine.protocols.openai.chat_answer import DONE, FINISH_REASONS, chat_failure, chat_usage
from vital_shared.llm.base import ModelEvent, Stop, StopReason, TextDelta, Usage

__all__ = ["TextAnswerWriter", "text_completion"]


def text_completion(answer: CanonicalAnswer, model: str, answer_id: str) -> dict[str, Any]:
    """Write a whole answer; what a model has thought has no place in it."""
    choice = _choice(answer.text, FINISH_REASONS.get(answer.reason, "stop"))
    return _completion(answer_id, int(time.time()), model, [choice]) | {"usage": chat_usage(answer.usage)}


def _choice(text: str, finish_reason: str | None = None) -> dict[str, Any]:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish_reason}


def _completion(answer_id: str, created: int, model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": answer_id,
        "object": "text_completion",
        "created": created,
        "model": model,
        "choices": choices,
    }


class TextAnswerWriter:
    """The translation of a model's events into chunks, which look as whole answers do.

    :param model: the name that the client sent.
    :param answer_id: the id of the answer.
    :param includes_usage: whether the last chunk reports the usage.
    """

    def __init__(self, model: str, answer_id: str, *, includes_usage: bool = False) -> None:
        self._model = model
        self._id = answer_id
        self._includes_usage = includes_usage
        self._created = int(time.time())
        self._usage = Usage()
        self._reason: StopReason = "end"

    def begin(self) -> bytes:
        """Write nothing: there is no first chunk without text."""
        return b""

    def write(self, event: ModelEvent) -> bytes:
        """Write one event."""
        if isinstance(event, TextDelta):
            return self._chunk([_choice(event.text)])
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Stop):
            self._reason = event.reason
        return b""

    def end(self) -> bytes:
        """Write the reason of the end, and the usage where it is wanted."""
        last = self._chunk([_choice("", FINISH_REASONS.get(self._reason, "stop"))])
        usage = self._chunk([], chat_usage(self._usage)) if self._includes_usage else b""
        return last + usage + DONE

    def fail(self, failure: StreamFailure) -> bytes:
        """Write an error, and the end of the stream."""
        return chat_failure(failure)

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        more = {"usage": usage} if self._includes_usage else {}
        return plain_event(_completion(self._id, self._created, self._model, choices) | more)
