"""Google's Gemini API: how its streams and errors are read.

Source: the reference of the Gemini API, `GenerateContentResponse`, and Google's AIP-193 on errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import orjson

from vital_shared.llm.base import (
    ModelError,
    ModelEvent,
    ModelRejected,
    ModelToolCall,
    ModelTurn,
    ModelUnavailable,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
)
from vital_shared.llm.wires.counts import UsageReader
from vital_shared.llm.wires.statuses import error_for

__all__ = ["WIRE", "GeminiDecoder", "failure"]

WIRE: Final = "gemini"

_STOPS: Final[dict[str, StopReason]] = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "ESCALATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
}
"""Any other reason, such as MALFORMED_FUNCTION_CALL or OTHER, is an answer gone wrong."""


class GeminiDecoder:
    """Reads one answer's stream.

    :param model: for errors.
    """

    __slots__ = ("_calls", "_finish", "_id", "_model", "_parts", "_usage", "pieces")

    def __init__(self, model: str) -> None:
        self.pieces = 0
        self._model = model
        self._parts: list[dict[str, Any]] = []
        """The answer as it came: with the signatures of its thoughts it goes back with the tools' results."""
        self._calls: list[ModelToolCall] = []
        self._finish: Mapping[str, Any] | None = None
        self._usage: Mapping[str, Any] | None = None
        self._id: str | None = None

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read one chunk."""
        try:
            chunk = orjson.loads(data)
            self._id = self._id or chunk.get("responseId")
            known, self._usage = self._usage, chunk.get("usageMetadata") or self._usage
            candidates = chunk.get("candidates")
            if not candidates:
                self._refused(chunk)
            events = self._candidate(candidates[0]) if candidates else ()
            if known is None:  # each chunk counts; the first tells what was read, should the stream break off
                return (*events, *self._count())
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            message = f'"{self._model}" sent a chunk that cannot be read.'
            raise ModelUnavailable(message, model=self._model) from error
        return events

    def end(self) -> Sequence[ModelEvent]:
        """Return the usage, the tool calls and the reason of the end."""
        if self._finish is None:
            message = f'The stream of "{self._model}" broke off.'
            raise ModelUnavailable(message, model=self._model, request_id=self._id)
        reason = _STOPS.get(self._finish["finishReason"])
        if reason is None:
            said = self._finish.get("finishMessage") or self._finish["finishReason"]
            message = f'The answer of "{self._model}" went wrong: {said.removesuffix(".")}.'
            raise ModelUnavailable(message, model=self._model, request_id=self._id)
        if reason != "end" or not self._calls:
            return (*self._count(), Stop(reason=reason, request_id=self._id))
        text = "".join(part["text"] for part in self._parts if "text" in part and not part.get("thought"))
        calls = tuple(self._calls)
        turn = ModelTurn(text=text, calls=calls, wire=WIRE, native=_joined(self._parts))
        stop = Stop(reason="tool_calls", request_id=self._id)  # Gemini itself just says STOP
        return (*self._count(), *calls, turn, stop)

    def _candidate(self, candidate: Mapping[str, Any]) -> Sequence[ModelEvent]:
        if candidate.get("finishReason"):
            self._finish = candidate
        content = candidate.get("content")
        parts = content.get("parts") if content else None
        if not parts:
            return ()
        self.pieces += len(parts)
        self._parts += parts
        return [event for part in parts if (event := self._part(part)) is not None]

    def _part(self, part: dict[str, Any]) -> ModelEvent | None:
        text = part.get("text")
        if text:
            return ReasoningDelta(text=text) if part.get("thought") else TextDelta(text=text)
        call = part.get("functionCall")
        if call is not None:
            call["id"] = call.get("id") or f"call_{uuid4().hex}"  # goes back in the part: its result names it
            made = ModelToolCall(id=call["id"], name=call["name"], arguments=call.get("args") or {})
            self._calls.append(made)
        return None

    def _count(self) -> Sequence[ModelEvent]:
        """Read the counts: Gemini's output is without thoughts, its input without its own tools' results."""
        usage = self._usage
        if not usage:
            return ()
        reader = UsageReader(usage)
        written, thoughts = reader.count("candidatesTokenCount"), reader.count("thoughtsTokenCount")
        read, by_tools = reader.count("promptTokenCount"), reader.count("toolUsePromptTokenCount")
        return (
            reader.usage(
                input_tokens=(read or 0) + (by_tools or 0),
                cached_input_tokens=reader.count("cachedContentTokenCount"),
                output_tokens=(written or 0) + (thoughts or 0),
                reasoning_tokens=thoughts,
            ),
        )

    def _refused(self, chunk: Mapping[str, Any]) -> None:
        """Raise what a chunk without an answer tells, if anything."""
        if chunk.get("error"):
            raise failure(chunk, self._model)
        reason = (chunk.get("promptFeedback") or {}).get("blockReason")
        if reason:
            message = f'The filter of "{self._model}" refused the prompt ({reason}).'
            raise ModelRejected(message, model=self._model, request_id=chunk.get("responseId"))


def _joined(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join pieces of plain text; a part with a signature has to stay as it is."""
    joined: list[dict[str, Any]] = []
    for part in parts:
        if joined and joined[-1].keys() == part.keys() == {"text"}:
            joined[-1] = {"text": joined[-1]["text"] + part["text"]}
        else:
            joined.append(part)
    return joined


def failure(
    body: Any, model: str, *, status: int | None = None, retry_after: float | None = None
) -> ModelError:
    """Make an error of what the provider says.

    :param body: the JSON that came, an error or a list of one; anything, where something between answered.
    :param status: of HTTP; None: what came had none of its own, so that its code has to tell.
    :param retry_after: seconds.
    """
    body = body[0] if isinstance(body, list) and body else body
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    code = error.get("code")
    status = status or (code if isinstance(code, int) and code >= 400 else 502)
    details = [detail for detail in error.get("details") or () if isinstance(detail, dict)]
    if any(detail.get("reason") == "API_KEY_INVALID" for detail in details):  # comes as a 400
        status = 401
    delays = (_seconds(detail.get("retryDelay")) for detail in details)  # google.rpc.RetryInfo
    return error_for(
        status,
        str(error.get("message") or ""),
        model=model,
        retry_after=next((delay for delay in delays if delay is not None), retry_after),
    )


def _seconds(duration: object) -> float | None:
    """Read a duration such as ``34.07s``: protobuf's JSON mapping."""
    try:
        return float(duration.removesuffix("s")) if isinstance(duration, str) else None
    except ValueError:
        return None
