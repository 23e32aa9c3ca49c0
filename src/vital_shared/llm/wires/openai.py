"""OpenAI's chat completions, as OpenAI and most others speak it: vLLM, Ollama, OpenRouter, Groq, llama.cpp.

Source: the API reference of OpenAI, "Create chat completion" and "The chat completion chunk object".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from vital_shared.http.retry_after import retry_after_seconds
from vital_shared.llm.base import ModelError
from vital_shared.llm.plain_schema import is_strict
from vital_shared.llm.wires.base import Chat, SystemTurn, ToolTurn, Turn, UserTurn, WireRequest
from vital_shared.llm.wires.embeddings import EmbeddingsDecoder
from vital_shared.llm.wires.openai_errors import read_error
from vital_shared.llm.wires.openai_stream import OpenAIDecoder
from vital_shared.llm.wires.statuses import read_error_body

__all__ = ["AzureWire", "OpenAIWire"]


class OpenAIWire:
    """The wire.

    :param max_tokens_field: OpenAI's own newer models want ``max_completion_tokens``, others know only
        ``max_tokens``.
    """

    name = "openai"

    def __init__(self, max_tokens_field: str = "max_tokens") -> None:
        self._max_tokens_field = max_tokens_field
        self._begin_thinking: set[str] = set()
        """Models whose answers begin within thoughts, without an opening tag."""

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
            schema: dict[str, Any] = {"name": "answer", "schema": dict(chat.response_schema)}
            schema["strict"] = is_strict(chat.response_schema)
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if chat.max_output_tokens is not None:
            body[self._max_tokens_field] = chat.max_output_tokens
        if chat.temperature is not None:
            body["temperature"] = chat.temperature
        return WireRequest(self.path(model, is_streamed=True), body)

    def path(self, model: str, *, is_streamed: bool) -> str:  # noqa: ARG002 - the body says it
        """Return the path at which a model is asked."""
        return "/chat/completions"

    def embeddings_path(self, model: str) -> str | None:  # noqa: ARG002 - the body says it
        """Return the path of embeddings."""
        return "/embeddings"

    def embeddings_decoder(self, model: str) -> EmbeddingsDecoder:
        """Return a reader for one answer with embeddings."""
        return EmbeddingsDecoder(model)

    def decoder(self, model: str, *, must_be_usable: bool = True, choices: int = 1) -> OpenAIDecoder:
        """Return a reader for one answer."""
        return OpenAIDecoder(model, self._begin_thinking, must_be_usable=must_be_usable, choices=choices)

    def error(self, status: int, headers: Mapping[str, str], body: bytes, model: str) -> ModelError:
        """Read an answer that is no stream."""
        return read_error(
            status if status >= 400 else None,
            read_error_body(body) or body.decode("utf-8", "replace"),
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

    def path(self, model: str, *, is_streamed: bool) -> str:  # noqa: ARG002 - the body says it
        """Return the path at which a model is asked."""
        return f"/openai/deployments/{model}/chat/completions?api-version={self._api_version}"

    def embeddings_path(self, model: str) -> str | None:
        """Return the path of embeddings."""
        return f"/openai/deployments/{model}/embeddings?api-version={self._api_version}"

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Return the provider's own id of a call."""
        return headers.get("apim-request-id") or headers.get("x-request-id")


def _messages(chat: Chat) -> list[dict[str, Any]]:
    messages = [{"role": "system", "content": chat.system}] if chat.system else []
    for turn in chat.turns:
        messages += _turn(turn)
    return messages


def _turn(turn: Turn) -> list[dict[str, Any]]:
    if isinstance(turn, UserTurn):
        return [{"role": "user", "content": turn.text}]
    if isinstance(turn, SystemTurn):
        return [{"role": "system", "content": turn.text}]
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
