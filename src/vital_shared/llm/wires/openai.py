"""OpenAI's chat completions, as OpenAI and most others speak it: vLLM, Ollama, OpenRouter, Groq, llama.cpp.

Source: the API reference of OpenAI, "Create chat completion" and "The chat completion chunk object".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from vital_shared.llm.base import (
    ModelError,
    ModelEvent,
    ModelToolCall,
    ModelTurn,
    ModelUnavailable,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
)
from vital_shared.llm.wires.base import Chat, ToolTurn, Turn, UserTurn, WireRequest
from vital_shared.llm.wires.openai_usage import read_usage
from vital_shared.llm.wires.statuses import error_for, read_json, retry_after_seconds

__all__ = ["AzureWire", "OpenAIWire"]

_STOPS: Final[dict[str, StopReason]] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}

_STATUS_OF_CODE: Final = {
    "insufficient_quota": 402,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "model_not_found": 404,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "server_error": 500,
    "overloaded_error": 503,
}
"""What codes and types mean where the status does not say it: within a stream, or an answer of status 200."""


class OpenAIWire:
    """The wire.

    :param max_tokens_field: OpenAI's own newer models want ``max_completion_tokens``, others know only
        ``max_tokens``.
    """

    name = "openai"

    def __init__(self, max_tokens_field: str = "max_tokens") -> None:
        self._max_tokens_field = max_tokens_field

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of every request."""
        return {} if key is None else {"Authorization": f"Bearer {key}"}

    def request(self, model: str, chat: Chat) -> WireRequest:
        """Write the request."""
        body: dict[str, Any] = {
            "model": model,
            "messages": _messages(chat),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if chat.tools:
            body["tools"] = [{"type": "function", "function": tool.model_dump()} for tool in chat.tools]
            if not chat.may_call:
                body["tool_choice"] = "none"
        if chat.response_schema is not None:
            schema = {"name": "answer", "schema": dict(chat.response_schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if chat.max_output_tokens is not None:
            body[self._max_tokens_field] = chat.max_output_tokens
        if chat.temperature is not None:
            body["temperature"] = chat.temperature
        return WireRequest("/chat/completions", body)

    def decoder(self, model: str) -> OpenAIDecoder:
        """Return a reader for one answer."""
        return OpenAIDecoder(model)

    def error(self, status: int, headers: Mapping[str, str], body: bytes, model: str) -> ModelError:
        """Read an answer that is no stream."""
        return _error(
            status if status >= 400 else None,
            read_json(body),
            model,
            self.request_id(headers),
            retry_after_seconds(headers),
        )

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Return the provider's own id of a call."""
        return headers.get("x-request-id")


class AzureWire(OpenAIWire):
    """OpenAI's models at Azure: the key in a header of its own, the deployment in the path.

    Source: Azure OpenAI's REST API reference; the base address is ``https://<resource>.openai.azure.com``.

    :param api_version: the version of the API, a date.
    """

    name = "azure"

    def __init__(self, api_version: str) -> None:
        super().__init__("max_completion_tokens")
        self._api_version = api_version

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of every request."""
        return {} if key is None else {"api-key": key}

    def request(self, model: str, chat: Chat) -> WireRequest:
        """Write the request."""
        path = f"/openai/deployments/{model}/chat/completions?api-version={self._api_version}"
        return WireRequest(path, super().request(model, chat).body)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Return the provider's own id of a call."""
        return headers.get("apim-request-id") or headers.get("x-request-id")


class OpenAIDecoder:
    """Reads one answer's stream.

    :param model: for errors.
    """

    __slots__ = ("_calls", "_done", "_finish", "_model", "_text", "pieces")

    def __init__(self, model: str) -> None:
        self.pieces = 0
        self._model = model
        self._text: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._finish: str | None = None
        self._done = False

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read one chunk."""
        if data == b"[DONE]":
            self._done = True
            return ()
        chunk = read_json(data)
        if not isinstance(chunk, dict):
            raise ModelUnavailable(f'"{self._model}" sent what is no JSON object.', model=self._model)
        choices = chunk.get("choices")
        if choices:
            choice = choices[0]
            delta = choice.get("delta")
            if finish := choice.get("finish_reason"):
                self._finish = finish
            text = delta.get("content") if delta else None
            if text and len(delta) <= 2 and not chunk.get("usage"):  # the usual chunk
                self.pieces += 1
                self._text.append(text)
                return (TextDelta(text=text),)
            return [*(self._delta(delta) if delta else ()), *_usage(chunk)]
        if chunk.get("error"):
            raise _error(None, chunk, self._model, None, None)
        return _usage(chunk)

    def end(self) -> Sequence[ModelEvent]:
        """Return the tool calls and the reason of the end."""
        if self._finish is None and not (self._done and (self._text or self._calls)):
            raise ModelUnavailable(f'The stream of "{self._model}" broke off.', model=self._model)
        calls = tuple(self._call(index, parts) for index, parts in sorted(self._calls.items()))
        if not calls:
            reason = _STOPS.get(self._finish or "stop", "end")
            return (Stop(reason="end" if reason == "tool_calls" else reason),)
        turn = ModelTurn(text="".join(self._text), calls=calls)
        return (*calls, turn, Stop(reason="tool_calls"))

    def _delta(self, delta: Mapping[str, Any]) -> list[ModelEvent]:
        events: list[ModelEvent] = []
        if reasoning := delta.get("reasoning_content") or delta.get("reasoning"):
            events.append(ReasoningDelta(text=reasoning))
        if text := delta.get("content") or delta.get("refusal"):
            self._text.append(text)
            events.append(TextDelta(text=text))
        pieces = delta.get("tool_calls") or ()
        for piece in pieces:
            self._piece(piece)
        self.pieces += len(events) + len(pieces)
        return events

    def _piece(self, piece: Mapping[str, Any]) -> None:
        index = piece.get("index")
        if index is None:  # some servers send whole calls, without a number
            index = len(self._calls)
        parts = self._calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        function = piece.get("function") or {}
        parts["id"] = parts["id"] or piece.get("id") or ""
        parts["name"] = parts["name"] or function.get("name") or ""
        parts["arguments"] += function.get("arguments") or ""

    def _call(self, index: int, parts: Mapping[str, str]) -> ModelToolCall:
        arguments = read_json(parts["arguments"].encode() or b"{}")
        if not parts["name"] or not isinstance(arguments, dict):
            raise ModelUnavailable(
                f'"{self._model}" asks for the tool "{parts["name"]}" with arguments that are no object.',
                model=self._model,
            )
        return ModelToolCall(id=parts["id"] or f"call_{index}", name=parts["name"], arguments=arguments)


def _messages(chat: Chat) -> list[dict[str, Any]]:
    messages = [{"role": "system", "content": chat.system}] if chat.system else []
    for turn in chat.turns:
        messages += _turn(turn)
    return messages


def _turn(turn: Turn) -> list[dict[str, Any]]:
    if isinstance(turn, UserTurn):
        return [{"role": "user", "content": turn.text}]
    if isinstance(turn, ToolTurn):
        return [{"role": "tool", "tool_call_id": each.id, "content": each.text} for each in turn.outputs]
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
    if turn.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()},
            }
            for call in turn.calls
        ]
    return [message]


def _usage(chunk: Mapping[str, Any]) -> Sequence[ModelEvent]:
    usage = chunk.get("usage")
    return (read_usage(usage),) if usage else ()


def _error(
    status: int | None, body: Any, model: str, request_id: str | None, retry_after: float | None
) -> ModelError:
    """Make an error of what a provider says.

    :param status: None: what came had no status of its own, so that the code has to tell.
    """
    error = body.get("error", body) if isinstance(body, dict) else body
    said, codes = _said(error)
    known = next((_STATUS_OF_CODE[code] for code in codes if code in _STATUS_OF_CODE), None)
    numeric = next((int(code) for code in codes if code.isdigit() and 400 <= int(code) < 600), None)
    if known == 402 or status is None:  # used-up credit comes as a 429, and is nothing to wait for
        status = known or numeric or 502
    return error_for(status, said, model=model, request_id=request_id, retry_after=retry_after)


def _said(error: Any) -> tuple[str, tuple[str, ...]]:
    """Return the provider's words, and its codes."""
    if isinstance(error, dict):
        said = error.get("message") or error.get("detail") or ""
        return str(said), tuple(str(error.get(field) or "") for field in ("code", "type"))
    return (error, ()) if isinstance(error, str) else ("", ())
