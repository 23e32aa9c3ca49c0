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

SUN = '{"thing": "the sun"}'
THOUGHT = "I look."
"""The reasoning of the model ``thinks``."""

FAILURES = {"wrong": 400, "busy": 429, "down": 500}
"""Models that fail, and how."""


class ClientsProvider(Server):
    """Both protocols under one address.

    A request gets, by what it has: a call of its first tool, JSON by its schema, words about its picture, or
    else `SAID`. The model ``slow`` stops after its first word; ``/gone`` answers once its client has gone. The
    model ``pair`` calls its tool twice at once, ``thinks`` shows a thought before its text, and ``flaky`` is
    asked too often by its first request.
    """

    def __init__(self) -> None:
        super().__init__(self._reply)
        self._has_refused = False

    def _reply(self, request: Request) -> Reply:
        if request.path == "/gone":
            return Reply([self.closed, b"true"], content_type="application/json")
        if request.path.endswith("/embeddings"):
            return _embeddings(request.body)
        protocol = _Chat if request.path.endswith("/chat/completions") else _Messages
        status = FAILURES.get(request.body["model"])
        if status is not None:
            return protocol.error(status)
        model = request.body["model"]
        if model == "flaky" and not self._has_refused:
            self._has_refused = True
            return protocol.error(429)
        name, text = _answer(request.body)
        calls = [] if not name else [text, SUN] if model == "pair" else [text]
        thought = THOUGHT if model == "thinks" else ""
        if not request.body.get("stream"):
            whole = protocol.whole(name, text, calls, thought)
            return Reply([orjson.dumps(whole)], content_type="application/json")
        parts = protocol.tools(name, calls) if name else protocol.text(text, thought)
        if model == "slow":
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
    def whole(name: str, text: str, calls: list[str], thought: str) -> dict[str, Any]:
        made = [
            {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": each}}
            for at, each in enumerate(calls)
        ]
        message = {"role": "assistant", "content": None if name else text, "refusal": None}
        message |= {"reasoning_content": thought} if thought else {}
        choice = {
            "index": 0,
            "message": message | ({"tool_calls": made} if name else {}),
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
    def text(text: str, thought: str) -> list[bytes]:
        begin = openai.chunk({"role": "assistant", "content": "", "refusal": None})
        pieces = [openai.chunk({"reasoning_content": word}) for word in _words(thought) if word]
        pieces += [openai.chunk({"content": word}) for word in _words(text)]
        return [begin, *pieces, openai.chunk(finish="stop"), *openai.END]

    @staticmethod
    def tools(name: str, calls: list[str]) -> list[bytes]:
        begin = openai.chunk({"role": "assistant", "content": None})
        pieces: list[bytes] = []
        for at, arguments in enumerate(calls):
            pieces.append(openai.piece(at, name=name, arguments=""))
            pieces += [openai.piece(at, arguments=each) for each in _words(arguments)]
        return [begin, *pieces, openai.chunk(finish="tool_calls"), *openai.END]


class _Messages:
    first_word = 4

    @staticmethod
    def error(status: int) -> Reply:
        return anthropic.error(status, "invalid_request_error" if status == 400 else "api_error")

    @staticmethod
    def whole(name: str, text: str, calls: list[str], thought: str) -> dict[str, Any]:
        content: list[dict[str, Any]] = [
            {"type": "tool_use", "id": f"toolu_{at}", "name": name, "input": orjson.loads(each)}
            for at, each in enumerate(calls)
        ] or [{"type": "text", "text": text}]
        if thought:
            content.insert(0, {"type": "thinking", "thinking": thought, "signature": "c2lnbmVk"})
        return anthropic.WHOLE | {
            "role": "assistant",
            "model": "claude-test",
            "content": content,
            "stop_reason": "tool_use" if name else "end_turn",
            "stop_sequence": None,
        }

    @staticmethod
    def text(text: str, thought: str) -> list[bytes]:
        if not thought:
            return _message(anthropic.text_block(0, *_words(text)))
        thinking = anthropic.thinking_block(0, _words(thought), "c2lnbmVk")
        return _message(thinking, anthropic.text_block(1, *_words(text)))

    @staticmethod
    def tools(name: str, calls: list[str]) -> list[bytes]:
        blocks = [
            anthropic.tool_block(at, name, "", *_words(arguments)) for at, arguments in enumerate(calls)
        ]
        return _message(*blocks, reason="tool_use")


def _message(*blocks: list[bytes], reason: str = "end_turn") -> list[bytes]:
    """Write a message whose last counts are those of all of it, as Anthropic's are today."""
    begin = anthropic.message(*blocks)[: -len(anthropic.end())]
    stopped = {"stop_reason": reason, "stop_sequence": None}
    usage = anthropic.READ | anthropic.WRITTEN
    return [
        *begin,
        anthropic.named("message_delta", delta=stopped, usage=usage),
        anthropic.named("message_stop"),
    ]


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
