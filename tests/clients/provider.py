"""A provider that answers what official clients ask, in OpenAI's and in Anthropic's protocol."""

from __future__ import annotations

import asyncio
import base64
import struct
from typing import Any

import orjson
from tests.llm.wires.servers import anthropic, openai
from tests.llm.wires.servers.base import Reply, Request, Server

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A picture of one point."""
SAID = openai.SAID
SEEN = "A point."
"""The answer to a request with the picture."""
DAYS = '{"days": 42}'
"""The answer by a schema, or a tool, that has days."""
MOON = '{"thing": "the moon"}'
VECTOR = [0.25, -0.5]

FAILURES = {"wrong": 400, "busy": 429, "down": 500}
"""Models that fail, and how."""


class ClientsProvider(Server):
    """Both protocols under one address.

    A request gets, by what it has: a call of its first tool, JSON by its schema, words about its picture, or
    else `SAID`. The model ``slow`` stops after its first word; ``/gone`` answers once its client has gone.
    """

    def __init__(self) -> None:
        super().__init__(self._reply)

    def _reply(self, request: Request) -> Reply:
        if request.path == "/gone":
            return Reply([self.closed, b"true"], content_type="application/json")
        if request.path.endswith("/embeddings"):
            return _embeddings(request.body)
        protocol = _Chat if request.path.endswith("/chat/completions") else _Messages
        status = FAILURES.get(request.body["model"])
        if status is not None:
            return protocol.error(status)
        name, text = _answer(request.body)
        if not request.body.get("stream"):
            return Reply([orjson.dumps(protocol.whole(name, text))], content_type="application/json")
        parts = protocol.tool(name, text) if name else protocol.text(text)
        if request.body["model"] == "slow":
            return Reply([*parts[: protocol.first_word], asyncio.Event()])
        return Reply(parts)


def _answer(body: dict[str, Any]) -> tuple[str, str]:
    """Return the name of the tool that is called, or none, and its arguments or the text."""
    sent = orjson.dumps(body).decode()
    tools = body.get("tools") or []
    if tools and not any(mark in sent for mark in ('"role":"tool"', '"tool_result"')):
        tool = tools[0].get("function") or tools[0]
        return tool["name"], DAYS if '"days"' in orjson.dumps(tool).decode() else MOON
    if body.get("response_format") or (body.get("output_config") or {}).get("format"):
        return "", DAYS
    return "", SEEN if PICTURE in sent else SAID


def _words(text: str) -> list[str]:
    return [f"{word} " for word in text.split(" ")[:-1]] + [text.rsplit(" ", maxsplit=1)[-1]]


class _Chat:
    first_word = 2

    @staticmethod
    def error(status: int) -> Reply:
        return openai.error(status)

    @staticmethod
    def whole(name: str, text: str) -> dict[str, Any]:
        call = {"id": "call_0", "type": "function", "function": {"name": name, "arguments": text}}
        message = {"role": "assistant", "content": None if name else text, "refusal": None}
        choice = {
            "index": 0,
            "message": message | ({"tool_calls": [call]} if name else {}),
            "logprobs": None,
            "finish_reason": "tool_calls" if name else "stop",
        }
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": "gpt-test",
            "choices": [choice],
            "usage": openai.USAGE,
        }

    @staticmethod
    def text(text: str) -> list[bytes]:
        begin = openai.chunk({"role": "assistant", "content": "", "refusal": None})
        pieces = [openai.chunk({"content": word}) for word in _words(text)]
        return [begin, *pieces, openai.chunk(finish="stop"), *openai.END]

    @staticmethod
    def tool(name: str, arguments: str) -> list[bytes]:
        begin = openai.chunk({"role": "assistant", "content": None})
        pieces = [openai.piece(0, name=name, arguments="")]
        pieces += [openai.piece(0, arguments=each) for each in _words(arguments)]
        return [begin, *pieces, openai.chunk(finish="tool_calls"), *openai.END]


class _Messages:
    first_word = 4

    @staticmethod
    def error(status: int) -> Reply:
        return anthropic.error(status, "invalid_request_error" if status == 400 else "api_error")

    @staticmethod
    def whole(name: str, text: str) -> dict[str, Any]:
        call = {"type": "tool_use", "id": "toolu_0", "name": name}
        content = call | {"input": orjson.loads(text)} if name else {"type": "text", "text": text}
        return anthropic.WHOLE | {
            "role": "assistant",
            "model": "claude-test",
            "content": [content],
            "stop_reason": "tool_use" if name else "end_turn",
            "stop_sequence": None,
        }

    @staticmethod
    def text(text: str) -> list[bytes]:
        return anthropic.message(anthropic.text_block(0, *_words(text)))

    @staticmethod
    def tool(name: str, arguments: str) -> list[bytes]:
        return anthropic.message(anthropic.tool_block(0, name, "", *_words(arguments)), reason="tool_use")


def _embeddings(body: dict[str, Any]) -> Reply:
    vector: str | list[float] = VECTOR
    if body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack("<2f", *VECTOR)).decode()
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [{"object": "embedding", "index": at, "embedding": vector} for at in range(len(texts))]
    answer = {
        "object": "list",
        "data": data,
        "model": "embedder",
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }
    return Reply([orjson.dumps(answer)], content_type="application/json")
