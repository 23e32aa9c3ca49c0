"""Google's Gemini API: how it is asked.

Source: the reference of the Gemini API, "Generating content" (`models.streamGenerateContent`), and its guides
to function calling, structured outputs and thought signatures. The base address is
``https://generativelanguage.googleapis.com``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from vital_shared.http.retry_after import retry_after_seconds
from vital_shared.llm.base import ModelError, ModelTurn
from vital_shared.llm.wires.base import Chat, SystemTurn, ToolOutput, ToolTurn, Turn, UserTurn, WireRequest
from vital_shared.llm.wires.embeddings import GEMINI_EMBEDDINGS, EmbeddingsDecoder
from vital_shared.llm.wires.gemini_errors import failure
from vital_shared.llm.wires.gemini_stream import WIRE, GeminiDecoder
from vital_shared.llm.wires.leading import split_leading
from vital_shared.llm.wires.statuses import read_error_body

__all__ = ["GeminiWire", "model_path"]

_NO_SIGNATURE: Final = "skip_thought_signature_validator"
"""The placeholder signature for a call that another provider's model made: Gemini 3 refuses one without
("Thought Signatures", section "FAQs")."""


def model_path(model: str) -> str:
    """Return the name of a model as requests have it; there are also ``tunedModels/…``."""
    return model if "/" in model else f"models/{model}"


class GeminiWire:
    """The wire."""

    name = WIRE

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of every request; a key in the address would be in others' logs."""
        return {} if key is None else {"x-goog-api-key": key}

    def request(self, model: str, chat: Chat) -> WireRequest:
        """Write the request."""
        instructions, turns = split_leading(chat)
        body: dict[str, Any] = {
            "contents": [content for turn in turns if (content := _content(turn))["parts"]]
        }
        if instructions:
            body["systemInstruction"] = {"parts": [{"text": text} for text in instructions]}
        if chat.tools:
            declarations = [
                {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
                for tool in chat.tools
            ]
            body["tools"] = [{"functionDeclarations": declarations}]
            if not chat.may_call:
                body["toolConfig"] = {"functionCallingConfig": {"mode": "NONE"}}
        if generation := _generation(chat):
            body["generationConfig"] = generation
        return WireRequest(self.path(model, is_streamed=True), body)

    def path(self, model: str, *, is_streamed: bool) -> str:
        """Return the path at which a model is asked."""
        method = "streamGenerateContent?alt=sse" if is_streamed else "generateContent"
        return f"/v1beta/{quote(model_path(model))}:{method}"

    def embeddings_path(self, model: str) -> str | None:
        """Return the path of the embeddings of several contents."""
        return f"/v1beta/{quote(model_path(model))}:batchEmbedContents"

    def embeddings_decoder(self, model: str) -> EmbeddingsDecoder:
        """Return a reader for one answer with embeddings."""
        return EmbeddingsDecoder(model, GEMINI_EMBEDDINGS)

    def decoder(self, model: str, *, must_be_usable: bool = True, choices: int = 1) -> GeminiDecoder:
        """Return a reader for one answer."""
        return GeminiDecoder(model, must_be_usable=must_be_usable, choices=choices)

    def error(self, status: int, headers: Mapping[str, str], body: bytes, model: str) -> ModelError:
        """Read an answer that is no stream."""
        return failure(
            read_error_body(body),
            model,
            status=status if status >= 400 else None,
            retry_after=retry_after_seconds(headers),
        )

    def request_id(self, headers: Mapping[str, str]) -> str | None:  # noqa: ARG002 - the id is in the stream
        """Return None: the id of an answer is ``responseId`` in its stream."""
        return None


def _generation(chat: Chat) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if chat.max_output_tokens is not None:
        config["maxOutputTokens"] = chat.max_output_tokens
    if chat.temperature is not None:
        config["temperature"] = chat.temperature
    if chat.response_schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = dict(chat.response_schema)
    return config


def _content(turn: Turn) -> dict[str, Any]:
    if isinstance(turn, UserTurn | SystemTurn):  # instructions between turns have no role of their own here
        return {"role": "user", "parts": [{"text": turn.text}]}
    if isinstance(turn, ToolTurn):
        return {"role": "user", "parts": [_response(output) for output in turn.outputs]}
    return {"role": "model", "parts": _said(turn)}


def _said(turn: ModelTurn) -> list[Any]:
    """Return the parts of a model's turn: as they came, where Gemini made it, with their signatures."""
    if turn.wire == WIRE and turn.native:
        return list(turn.native)
    calls: list[dict[str, Any]] = [
        {"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}} for call in turn.calls
    ]
    if calls:  # of calls made at once only the first one has a signature
        calls[0]["thoughtSignature"] = _NO_SIGNATURE
    return [*([{"text": turn.text}] if turn.text else []), *calls]


def _response(output: ToolOutput) -> dict[str, Any]:
    said = {"error" if output.failed else "output": output.text}
    return {"functionResponse": {"id": output.id, "name": output.name, "response": said}}
