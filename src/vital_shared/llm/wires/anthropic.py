"""Anthropic's Messages API.

Source: Anthropic's API reference, "Messages" and "Streaming messages".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

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
    Usage,
)
from vital_shared.llm.wires.base import Chat, ToolTurn, Turn, UserTurn, WireRequest
from vital_shared.llm.wires.statuses import error_for, read_json, retry_after_seconds

__all__ = ["AnthropicWire"]

VERSION: Final = "2023-06-01"
"""Of the API; the header is required."""

MAX_TOKENS: Final = 4_096
"""The API requires a limit; this one stands where the request has none."""

_STOPS: Final[dict[str, StopReason]] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

_STATUS_OF_TYPE: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "api_error": 500,
    "overloaded_error": 529,
}
"""What an error's type means, where it comes within a stream and has no status."""


class AnthropicWire:
    """The wire."""

    name = "anthropic"

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of every request."""
        version = {"anthropic-version": VERSION}
        return version if key is None else version | {"x-api-key": key}

    def request(self, model: str, chat: Chat) -> WireRequest:
        """Write the request."""
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": chat.max_output_tokens or MAX_TOKENS,
            "messages": [_turn(turn) for turn in chat.turns],
            "stream": True,
        }
        if chat.system:
            body["system"] = chat.system
        if chat.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in chat.tools
            ]
            if not chat.may_call:
                body["tool_choice"] = {"type": "none"}
        if chat.response_schema is not None:
            schema = {"type": "json_schema", "schema": dict(chat.response_schema)}
            body["output_config"] = {"format": schema}
        if chat.temperature is not None:
            body["temperature"] = chat.temperature
        return WireRequest("/v1/messages", body)

    def decoder(self, model: str) -> AnthropicDecoder:
        """Return a reader for one answer."""
        return AnthropicDecoder(model)

    def error(self, status: int, headers: Mapping[str, str], body: bytes, model: str) -> ModelError:
        """Read an answer that is no stream."""
        read = read_json(body)
        given = status if status >= 400 else None
        return _error(given, read, model, self.request_id(headers), retry_after_seconds(headers))

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Return the provider's own id of a call."""
        return headers.get("request-id")


class AnthropicDecoder:
    """Reads one answer's stream.

    :param model: for errors.
    """

    __slots__ = ("_blocks", "_model", "_partial", "_stop", "_usage", "pieces")

    def __init__(self, model: str) -> None:
        self.pieces = 0
        self._model = model
        self._blocks: dict[int, dict[str, Any]] = {}
        """The content so far, as the API wants it back."""
        self._partial: dict[int, str] = {}
        """The JSON of tools' arguments."""
        self._usage: dict[str, Any] = {}
        self._stop: str | None = None

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read one event."""
        event = read_json(data)
        if not isinstance(event, dict):
            raise ModelUnavailable(f'"{self._model}" sent what is no JSON object.', model=self._model)
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._delta(event["index"], event["delta"])
        if kind == "content_block_start":
            self._blocks[event["index"]] = dict(event["content_block"])
        elif kind == "message_start":
            return self._count(event["message"].get("usage"))
        elif kind == "message_delta":
            self._stop = event["delta"].get("stop_reason") or self._stop
            return self._count(event.get("usage"))
        elif kind == "error":
            raise _error(None, event, self._model, None, None)
        return ()  # pings, ends of blocks, and what is added to the protocol later

    def end(self) -> Sequence[ModelEvent]:
        """Return the tool calls and the reason of the end."""
        if self._stop is None:
            raise ModelUnavailable(f'The stream of "{self._model}" broke off.', model=self._model)
        blocks = [self._finished(index, block) for index, block in sorted(self._blocks.items())]
        calls = tuple(
            ModelToolCall(id=block["id"], name=block["name"], arguments=block["input"])
            for block in blocks
            if block["type"] == "tool_use"
        )
        if not calls:
            return (Stop(reason=_STOPS.get(self._stop, "end")),)
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        turn = ModelTurn(text=text, calls=calls, wire=AnthropicWire.name, native=blocks)
        return (*calls, turn, Stop(reason="tool_calls"))

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Sequence[ModelEvent]:
        kind = delta["type"]
        if kind == "text_delta":
            self.pieces += 1
            self._blocks[index]["text"] += delta["text"]
            return (TextDelta(text=delta["text"]),) if delta["text"] else ()
        if kind == "input_json_delta":
            self.pieces += 1
            self._partial[index] = self._partial.get(index, "") + delta["partial_json"]
        elif kind == "thinking_delta":
            self.pieces += 1
            self._blocks[index]["thinking"] += delta["thinking"]
            return (ReasoningDelta(text=delta["thinking"]),) if delta["thinking"] else ()
        elif kind == "signature_delta":
            self._blocks[index]["signature"] = delta["signature"]
        return ()

    def _count(self, usage: Mapping[str, Any] | None) -> Sequence[ModelEvent]:
        """Add what is told of the usage; its input tokens are those that no cache had to do with."""
        self._usage |= {key: value for key, value in (usage or {}).items() if value is not None}
        read = self._usage.get("cache_read_input_tokens", 0)
        written = self._usage.get("cache_creation_input_tokens", 0)
        details = self._usage.get("output_tokens_details") or {}
        return (
            Usage(
                input_tokens=self._usage.get("input_tokens", 0) + read + written,
                cached_input_tokens=read,
                cache_write_tokens=written,
                output_tokens=self._usage.get("output_tokens", 0),
                reasoning_tokens=details.get("thinking_tokens") or 0,
            ),
        )

    def _finished(self, index: int, block: dict[str, Any]) -> dict[str, Any]:
        if block["type"] != "tool_use":
            return block
        arguments = read_json(self._partial.get(index, "").encode()) if self._partial.get(index) else {}
        if not isinstance(arguments, dict):
            raise ModelUnavailable(
                f'"{self._model}" asks for the tool "{block["name"]}" with arguments that are no object.',
                model=self._model,
            )
        return block | {"input": arguments}


def _turn(turn: Turn) -> dict[str, Any]:
    if isinstance(turn, UserTurn):
        return {"role": "user", "content": turn.text}
    if isinstance(turn, ToolTurn):
        results = [
            {
                "type": "tool_result",
                "tool_use_id": each.id,
                "content": each.text,
                **({"is_error": True} if each.failed else {}),
            }
            for each in turn.outputs
        ]
        return {"role": "user", "content": results}
    if turn.wire == AnthropicWire.name and turn.native:
        return {"role": "assistant", "content": turn.native}
    text = [{"type": "text", "text": turn.text}] if turn.text else []
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in turn.calls
    ]
    return {"role": "assistant", "content": [*text, *calls]}


def _error(
    status: int | None, body: Any, model: str, request_id: str | None, retry_after: float | None
) -> ModelError:
    """Make an error of what the provider says.

    :param status: None: what came had no status of its own, so that the type has to tell.
    """
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    told = body.get("request_id") if isinstance(body, dict) else None
    return error_for(
        status or _STATUS_OF_TYPE.get(str(error.get("type")), 502),
        str(error.get("message") or ""),
        model=model,
        request_id=request_id or told,
        retry_after=retry_after,
    )
