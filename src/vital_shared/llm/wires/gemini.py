"""Google's Gemini API.

Source: the Gemini API reference, "Generating content" (``models.streamGenerateContent``), and the guide
"Thought signatures".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

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
    Usage,
)
from vital_shared.llm.wires.base import Chat, ToolTurn, Turn, UserTurn, WireRequest
from vital_shared.llm.wires.statuses import error_for, read_json, retry_after_seconds

__all__ = ["GeminiWire"]

_STOPS: Final[dict[str, StopReason]] = {"STOP": "end", "MAX_TOKENS": "length"}
_FILTERED: Final = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY"}
)
_BROKEN: Final = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"})


class GeminiWire:
    """The wire."""

    name = "gemini"

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of every request; the key does not go into the address, which is logged."""
        return {} if key is None else {"x-goog-api-key": key}

    def request(self, model: str, chat: Chat) -> WireRequest:
        """Write the request."""
        body: dict[str, Any] = {"contents": [_turn(turn) for turn in chat.turns]}
        if chat.system:
            body["systemInstruction"] = {"parts": [{"text": chat.system}]}
        if chat.tools:
            functions = [
                {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
                for tool in chat.tools
            ]
            body["tools"] = [{"functionDeclarations": functions}]
            if not chat.may_call:
                body["toolConfig"] = {"functionCallingConfig": {"mode": "NONE"}}
        settings: dict[str, Any] = {}
        if chat.response_schema is not None:
            settings["responseMimeType"] = "application/json"
            settings["responseJsonSchema"] = dict(chat.response_schema)
        if chat.max_output_tokens is not None:
            settings["maxOutputTokens"] = chat.max_output_tokens
        if chat.temperature is not None:
            settings["temperature"] = chat.temperature
        if settings:
            body["generationConfig"] = settings
        return WireRequest(f"/v1beta/models/{quote(model)}:streamGenerateContent?alt=sse", body)

    def decoder(self, model: str) -> GeminiDecoder:
        """Return a reader for one answer."""
        return GeminiDecoder(model)

    def error(self, status: int, headers: Mapping[str, str], body: bytes, model: str) -> ModelError:
        """Read an answer that is no stream."""
        read = read_json(body)
        given = status if status >= 400 else None
        return _error(given, read, model, self.request_id(headers), retry_after_seconds(headers))

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Return the provider's own id of a call, where there is one."""
        return headers.get("x-goog-request-id") or headers.get("x-request-id")


class GeminiDecoder:
    """Reads one answer's stream.

    :param model: for errors.
    """

    __slots__ = ("_calls", "_finish", "_id", "_model", "_parts", "pieces")

    def __init__(self, model: str) -> None:
        self.pieces = 0
        self._model = model
        self._parts: list[dict[str, Any]] = []
        """The content so far, as the API wants it back, signatures included."""
        self._calls: list[ModelToolCall] = []
        self._finish: str | None = None
        self._id: str | None = None

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read one chunk."""
        chunk = read_json(data)
        if isinstance(chunk, list) and chunk:  # errors may come wrapped in a list
            chunk = chunk[0]
        if not isinstance(chunk, dict):
            raise ModelUnavailable(f'"{self._model}" sent what is no JSON object.', model=self._model)
        candidates = chunk.get("candidates")
        if not candidates:
            self._check(chunk)
            return _usage(chunk)
        self._id = chunk.get("responseId") or self._id
        candidate = candidates[0]
        self._finish = candidate.get("finishReason") or self._finish
        content = candidate.get("content") or {}
        events = [event for part in content.get("parts") or () for event in self._part(part)]
        return (*events, *_usage(chunk))

    def end(self) -> Sequence[ModelEvent]:
        """Return the tool calls and the reason of the end."""
        if self._finish is None:
            raise ModelUnavailable(f'The stream of "{self._model}" broke off.', model=self._model)
        if self._finish in _BROKEN:
            raise ModelUnavailable(
                f'The answer of "{self._model}" came to nothing: {self._finish}.',
                model=self._model,
                request_id=self._id,
            )
        if not self._calls:
            filtered: StopReason = "content_filter" if self._finish in _FILTERED else "end"
            return (Stop(reason=_STOPS.get(self._finish, filtered), request_id=self._id),)
        text = "".join(part.get("text", "") for part in self._parts if not part.get("thought"))
        turn = ModelTurn(text=text, calls=tuple(self._calls), wire=GeminiWire.name, native=self._parts)
        return (*self._calls, turn, Stop(reason="tool_calls", request_id=self._id))

    def _part(self, part: dict[str, Any]) -> Sequence[ModelEvent]:
        self._parts.append(part)
        if text := part.get("text"):
            self.pieces += 1
            return (ReasoningDelta(text=text),) if part.get("thought") else (TextDelta(text=text),)
        if call := part.get("functionCall"):
            self.pieces += 1
            number = len(self._calls)
            self._calls.append(
                ModelToolCall(
                    id=call.get("id") or f"call_{number}",
                    name=call.get("name", ""),
                    arguments=call.get("args") or {},
                )
            )
        return ()

    def _check(self, chunk: Mapping[str, Any]) -> None:
        """Raise what a chunk without an answer says."""
        if "error" in chunk:
            raise _error(None, chunk, self._model, self._id, None)
        blocked = (chunk.get("promptFeedback") or {}).get("blockReason")
        if blocked:
            raise ModelRejected(
                f'The filter of "{self._model}" refused the question ({blocked}).',
                model=self._model,
                request_id=self._id,
            )


def _turn(turn: Turn) -> dict[str, Any]:
    if isinstance(turn, UserTurn):
        return {"role": "user", "parts": [{"text": turn.text}]}
    if isinstance(turn, ToolTurn):
        parts = [
            {
                "functionResponse": {
                    "id": each.id,
                    "name": each.name,
                    "response": {"error" if each.failed else "output": each.text},
                }
            }
            for each in turn.outputs
        ]
        return {"role": "user", "parts": parts}
    if turn.wire == GeminiWire.name and turn.native:
        return {"role": "model", "parts": turn.native}
    text = [{"text": turn.text}] if turn.text else []
    calls = [
        {"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}} for call in turn.calls
    ]
    return {"role": "model", "parts": [*text, *calls]}


def _usage(chunk: Mapping[str, Any]) -> Sequence[ModelEvent]:
    usage = chunk.get("usageMetadata")
    if not usage or "candidatesTokenCount" not in usage:
        return ()
    thoughts = usage.get("thoughtsTokenCount") or 0
    return (
        Usage(
            input_tokens=(usage.get("promptTokenCount") or 0) + (usage.get("toolUsePromptTokenCount") or 0),
            cached_input_tokens=usage.get("cachedContentTokenCount") or 0,
            output_tokens=usage["candidatesTokenCount"] + thoughts,
            reasoning_tokens=thoughts,
        ),
    )


def _error(
    status: int | None, body: Any, model: str, request_id: str | None, retry_after: float | None
) -> ModelError:
    """Make an error of what the provider says (google.rpc.Status).

    :param status: None: what came had no status of its own; the code within is the same.
    """
    if isinstance(body, list) and body:
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    code = error.get("code")
    if status is None:
        status = code if isinstance(code, int) and 400 <= code < 600 else 502
    said = str(error.get("message") or "")
    if status == 400 and "API key" in said:  # a wrong key is told as an invalid argument
        status = 401
    return error_for(
        status, said, model=model, request_id=request_id, retry_after=_retry_delay(error) or retry_after
    )


def _retry_delay(error: Mapping[str, Any]) -> float | None:
    """Read google.rpc.RetryInfo: ``{"retryDelay": "12.5s"}``, in seconds."""
    for detail in error.get("details") or ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and delay.endswith("s"):
            try:
                return float(delay[:-1])
            except ValueError:
                return None
    return None
