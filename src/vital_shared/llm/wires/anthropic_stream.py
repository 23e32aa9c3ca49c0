"""Anthropic's Messages API: how its streams and errors are read.

Source: Anthropic's guide "Streaming Messages" and its reference of errors.
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
from vital_shared.llm.wires.counts import UsageReader
from vital_shared.llm.wires.statuses import error_for, read_json

__all__ = ["WIRE", "AnthropicDecoder", "failure"]

WIRE: Final = "anthropic"

_STOPS: Final[dict[str, StopReason]] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",  # the provider's own tools took too long: there would be more
    "refusal": "content_filter",
}

_STATUS_OF_TYPE: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""What types of errors mean within a stream, where the status has been 200."""


class AnthropicDecoder:
    """Reads one answer's stream.

    :param model: for errors.
    """

    __slots__ = ("_blocks", "_model", "_parts", "_stop", "_usage", "pieces")

    def __init__(self, model: str) -> None:
        self.pieces = 0
        self._model = model
        self._blocks: dict[int, dict[str, Any]] = {}
        """The content blocks as they began, by their numbers."""
        self._parts: dict[int, list[str]] = {}
        """What came of each since: text, thinking, or the JSON of arguments."""
        self._stop: str | None = None
        self._usage: dict[str, Any] = {}

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read one event; kinds that are not known yet are passed over, as the guide asks."""
        try:
            event = orjson.loads(data)
            kind = event["type"]
            if kind == "content_block_delta":
                return self._delta(event["index"], event["delta"])
            if kind == "content_block_start":
                return self._begin(event["index"], event["content_block"])
            if kind == "message_start":
                return self._count(event["message"].get("usage"))
            if kind == "message_delta":
                self._stop = event["delta"].get("stop_reason") or self._stop
                return self._count(event.get("usage"))
            if kind == "error":
                raise failure(event, self._model)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            message = f'"{self._model}" sent an event that cannot be read.'
            raise ModelUnavailable(message, model=self._model) from error
        return ()

    def end(self) -> Sequence[ModelEvent]:
        """Return the tool calls and the reason of the end."""
        if self._stop is None:
            raise ModelUnavailable(f'The stream of "{self._model}" broke off.', model=self._model)
        reason = _STOPS.get(self._stop, "end")
        if reason != "tool_calls":  # a call that the limit cut off is none
            return (Stop(reason=reason),)
        blocks = [self._whole(index) for index in sorted(self._blocks)]
        calls = tuple(self._call(block) for block in blocks if block["type"] == "tool_use")
        if not calls:
            return (Stop(reason="end"),)
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        thought = any("thinking" in block["type"] for block in blocks)  # goes back with its signatures
        turn = ModelTurn(text=text, calls=calls, wire=WIRE, native=blocks if thought else None)
        return (*calls, turn, Stop(reason="tool_calls"))

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Sequence[ModelEvent]:
        kind = delta["type"]
        if kind == "text_delta":
            piece = delta["text"]
            events: tuple[ModelEvent, ...] = (TextDelta(text=piece),) if piece else ()
        elif kind == "thinking_delta":
            piece = delta["thinking"]
            events = (ReasoningDelta(text=piece),) if piece else ()
        elif kind == "input_json_delta":
            piece = delta["partial_json"]
            events = ()
        else:
            if kind == "signature_delta":
                block = self._blocks[index]
                block["signature"] = block.get("signature", "") + delta["signature"]
            return ()
        self.pieces += 1
        self._parts[index].append(piece)
        return events

    def _begin(self, index: int, block: dict[str, Any]) -> Sequence[ModelEvent]:
        self.pieces += 1
        self._blocks[index] = block
        text = block.get("text") if block["type"] == "text" else None
        self._parts[index] = [text] if text else []
        return (TextDelta(text=text),) if text else ()

    def _count(self, usage: Any) -> Sequence[ModelEvent]:
        """Read the counts, each of the whole call so far; Anthropic's input is without the cache's."""
        if isinstance(usage, Mapping):
            self._usage.update((name, value) for name, value in usage.items() if value is not None)
        reader = UsageReader(self._usage or usage)
        cached = reader.count("cache_read_input_tokens")
        written = reader.count("cache_creation_input_tokens")
        return (
            reader.usage(
                input_tokens=(reader.count("input_tokens") or 0) + (cached or 0) + (written or 0),
                cached_input_tokens=cached,
                cache_write_tokens=written,
                output_tokens=reader.count("output_tokens"),
                reasoning_tokens=reader.count("output_tokens_details.thinking_tokens"),
            ),
        )

    def _whole(self, index: int) -> dict[str, Any]:
        """Return a block with all that came of it."""
        block, parts = self._blocks[index], self._parts[index]
        kind = block["type"]
        if kind in ("text", "thinking"):
            return {**block, kind: "".join(parts)}
        if not parts:
            return block
        return {**block, "input": read_json("".join(parts).encode() or b"{}")}

    def _call(self, block: Mapping[str, Any]) -> ModelToolCall:
        name, arguments = block.get("name"), block.get("input")
        if not name or not isinstance(arguments, dict):
            raise ModelUnavailable(
                f'"{self._model}" asks for the tool "{name}" with arguments that are no JSON object.',
                model=self._model,
            )
        return ModelToolCall(id=block["id"], name=name, arguments=arguments)


def failure(
    body: Any,
    model: str,
    *,
    status: int | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> ModelError:
    """Make an error of what the provider says.

    :param body: the JSON that came; anything, where something between us and the provider answered.
    :param status: of HTTP; None: what came had none of its own, so that its type has to tell.
    :param retry_after: seconds.
    """
    body = body if isinstance(body, dict) else {}
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    code = str(details.get("error_code") or "") if isinstance(details, dict) else ""
    if code.endswith("spend_limit_reached"):  # comes as a 429, and is nothing to wait for
        status = 402
    return error_for(
        status or _STATUS_OF_TYPE.get(str(error.get("type")), 502),
        str(error.get("message") or ""),
        model=model,
        request_id=request_id or body.get("request_id"),
        retry_after=retry_after,
    )
