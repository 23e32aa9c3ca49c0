"""Anthropic's Messages API: how it is asked.

Source: Anthropic's API reference, "Create a Message", and its guides to tool use, structured outputs (which
want no beta header any more), thinking and prompt caching. The base address is ``https://api.anthropic.com``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vital_shared.http.retry_after import retry_after_seconds
from vital_shared.llm.base import ModelError, ModelTurn
from vital_shared.llm.plain_schema import is_strict
from vital_shared.llm.wires.anthropic_errors import failure
from vital_shared.llm.wires.anthropic_stream import WIRE, AnthropicDecoder
from vital_shared.llm.wires.base import Chat, SystemTurn, ToolOutput, ToolTurn, Turn, UserTurn, WireRequest
from vital_shared.llm.wires.embeddings import EmbeddingsDecoder
from vital_shared.llm.wires.leading import split_leading
from vital_shared.llm.wires.statuses import read_error_body

__all__ = ["AnthropicWire"]

_VERSION: Final = "2023-06-01"
"""The version of the API; the header is required."""

_MAX_TOKENS: Final = 16_000
"""The API requires a limit. Every model that it still serves may write as much, and thinking counts as
writing; what an answer does not use costs nothing."""


class AnthropicWire:
    """The wire."""

    name = WIRE

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of every request."""
        headers = {"anthropic-version": _VERSION}
        return headers if key is None else headers | {"x-api-key": key}

    def request(self, model: str, chat: Chat) -> WireRequest:
        """Write the request.

        The system prompt, and the tools before it, are marked for the provider's cache: what is too short
        for it is read without, and that is no error ("Prompt caching", section "Cache limitations").
        """
        instructions, turns = split_leading(chat)
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": chat.max_output_tokens or _MAX_TOKENS,
            "messages": [message for turn in turns if (message := _message(turn))["content"]],
            "stream": True,
        }
        if instructions:
            body["system"] = [{"type": "text", "text": text} for text in instructions]
            body["system"][-1]["cache_control"] = {"type": "ephemeral"}
        if chat.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in chat.tools
            ]
            if not chat.may_call:
                body["tool_choice"] = {"type": "none"}
        if chat.response_schema is not None and is_strict(chat.response_schema):  # it takes no others
            schema = {"type": "json_schema", "schema": dict(chat.response_schema)}
            body["output_config"] = {"format": schema}
        if chat.temperature is not None:
            body["temperature"] = chat.temperature
        return WireRequest(self.path(model, is_streamed=True), body)

    def path(self, model: str, *, is_streamed: bool) -> str:  # noqa: ARG002 - the body says it
        """Return the path at which a model is asked."""
        return "/v1/messages"

    def embeddings_path(self, model: str) -> str | None:  # noqa: ARG002 - there is none
        """Return that the protocol has no embeddings."""
        return None

    def embeddings_decoder(self, model: str) -> EmbeddingsDecoder:
        """Return a reader for one answer with embeddings."""
        return EmbeddingsDecoder(model)

    def decoder(self, model: str, *, must_be_usable: bool = True, choices: int = 1) -> AnthropicDecoder:  # noqa: ARG002 - there is one
        """Return a reader for one answer."""
        return AnthropicDecoder(model, must_be_usable=must_be_usable)

    def error(self, status: int, headers: Mapping[str, str], body: bytes, model: str) -> ModelError:
        """Read an answer that is no stream."""
        return failure(
            read_error_body(body),
            model,
            status=status if status >= 400 else None,
            request_id=self.request_id(headers),
            retry_after=retry_after_seconds(headers),
        )

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Return the provider's own id of a call."""
        return headers.get("request-id")


def _message(turn: Turn) -> dict[str, Any]:
    """Write one turn; the API joins those of one role that follow each other."""
    if isinstance(turn, UserTurn | SystemTurn):  # instructions between turns have no role of their own here
        return {"role": "user", "content": turn.text}
    if isinstance(turn, ToolTurn):
        return {"role": "user", "content": [_result(output) for output in turn.outputs]}
    return {"role": "assistant", "content": _said(turn)}


def _said(turn: ModelTurn) -> list[Any]:
    """Return the blocks of a model's turn: its own, where it thought; the API refuses blocks without text."""
    if turn.wire == WIRE and turn.native:
        return list(turn.native)
    text = [{"type": "text", "text": turn.text}] if turn.text.strip() else []
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in turn.calls
    ]
    return [*text, *calls]


def _result(output: ToolOutput) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": output.id}
    if output.text:
        block["content"] = output.text
    if output.failed:
        block["is_error"] = True
    return block
