"""Requests as editors' assistants and chat front ends send them: Cline, Continue, Open WebUI, Instructor."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import (
    MODEL,
    PROVIDERS,
    SAID,
    OpenGateway,
    ProviderName,
    stream_of,
)
from tests.llm.wires.servers.base import Reply

EPHEMERAL = {"cache_control": {"type": "ephemeral"}}
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LOOK = {
    "name": "read_file",
    "description": "Read a file.",
    "parameters": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "lines": {"type": ["integer", "null"]}},
        "required": ["path"],
    },
}
CALL = {"id": "call_0a", "type": "function", "function": {"name": "read_file", "arguments": '{"path":"a"}'}}

CLINE_OF_ANTHROPIC = {
    "model": MODEL,
    "max_tokens": 8192,
    "temperature": 0,
    "system": [{"text": "You are Cline.", "type": "text", **EPHEMERAL}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "<task>Look.</task>", **EPHEMERAL}]},
        {"role": "assistant", "content": "I look."},
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
                {"type": "text", "text": "[read_file] Result: moon", **EPHEMERAL},
            ],
        },
    ],
    "stream": True,
    "drop_params": True,
}
CLINE_OF_OPENAI = {
    "model": MODEL,
    "messages": [
        {"role": "developer", "content": "You are Cline."},
        {"role": "user", "content": [{"type": "text", "text": "<task>Look.</task>"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "moon"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
            ],
        },
    ],
    "reasoning_effort": "medium",
    "stream": True,
    "stream_options": {"include_usage": True},
    "tools": [{"type": "function", "function": {**LOOK, "strict": False}}],
}
CONTINUE = {
    "model": MODEL,
    "max_tokens": 1500,
    "temperature": 0.5,
    "stop": ["<|endoftext|>", "\n\n\n"],
    "stream": True,
    "messages": [
        {"role": "system", "content": "<important_rules>"},
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": " ", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_0a", "content": "moon"},
    ],
    "tools": [{"type": "function", "function": LOOK}],
}
OPEN_WEBUI = {
    "stream": True,
    "model": MODEL,
    "messages": [{"role": "user", "content": "moon"}],
    "temperature": 0.8,
    "max_tokens": 128,
    "stream_options": {"include_usage": True},
}
OPEN_WEBUI_HEADERS = {
    "HTTP-Referer": "https://openwebui.com/",
    "X-Title": "Open WebUI",
    "X-OpenWebUI-User-Name": "Ann%20B",
    "X-OpenWebUI-Chat-Id": "0198c7de",
}
TITLE = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "### Task:\nGenerate a title for moon."}],
    "stream": False,
    "max_completion_tokens": 1000,
}
INSTRUCTOR = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "moon"}],
    "tools": [{"type": "function", "function": LOOK}],
    "tool_choice": {"type": "function", "function": {"name": "read_file"}},
}
INSTRUCTOR_OF_ANTHROPIC = {
    "model": MODEL,
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "moon"}],
    "tools": [{"name": "read_file", "description": "d", "input_schema": LOOK["parameters"]}],
    "tool_choice": {"type": "tool", "name": "read_file"},
}
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
REQUESTS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    (MESSAGES, CLINE_OF_ANTHROPIC, {"anthropic-version": "2023-06-01", "x-stainless-lang": "js"}),
    (CHAT, CLINE_OF_OPENAI, {"x-stainless-lang": "js"}),
    (CHAT, CONTINUE, {"api-key": "any"}),
    (CHAT, OPEN_WEBUI, OPEN_WEBUI_HEADERS),
    (CHAT, TITLE, OPEN_WEBUI_HEADERS),
    (CHAT, INSTRUCTOR, {}),
    (MESSAGES, INSTRUCTOR_OF_ANTHROPIC, {}),
]


def text_of(answer: str) -> str:
    """Return the text of an answer, whole or streamed, in both protocols."""
    found = []
    for line in answer.splitlines():
        data = line.removeprefix("data: ")
        event = json.loads(data) if data.startswith("{") else {}
        said = [each.get("delta") or each.get("message") or {} for each in event.get("choices", [])]
        found += [each.get("content") for each in said]
        found += [block.get("text") for block in event.get("content", [])]
        if event.get("type") == "content_block_delta":
            found.append(event["delta"].get("text"))
    return "".join(filter(None, found))


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_each_is_answered_by_every_provider(gateway: OpenGateway, wire: ProviderName) -> None:
    async with gateway(wire, lambda request: reply_to(wire, request.body)) as given:
        for path, body, headers in REQUESTS:
            answer = await given.service.client.post(path, json=body, headers=headers)
            assert answer.status_code == 200, (path, body, answer.text)
            assert text_of(answer.text) == SAID
            assert "moon" in json.dumps(given.sent)
            assert "cache_control" not in json.dumps(given.sent) or wire == "anthropic"


@pytest.mark.parametrize("wire", ["anthropic", "gemini"])
async def test_an_answer_of_each_protocol_is_cached_where_that_is_asked_for(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    contents = {"contents": [{"role": "user", "parts": [{"text": "moon"}]}]}
    asked: list[tuple[str, dict[str, Any]]] = [
        (MESSAGES, INSTRUCTOR_OF_ANTHROPIC),
        (MESSAGES, CLINE_OF_ANTHROPIC),
        (f"/v1beta/models/{MODEL}:streamGenerateContent", contents),
        (f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", contents),
    ]
    async with gateway(wire, lambda request: reply_to(wire, request.body), cache_entries=100) as given:
        for path, body in asked:
            ask = partial(given.service.client.post, path, json=body | {"cache": {"ttl": 60}})
            first, second = await ask(), await ask()
            assert (first.status_code, first.content) == (200, second.content)
            assert second.headers["content-type"] == first.headers["content-type"]
            assert second.headers["x-vital-cache"] == "hit"
        beta = {"anthropic-beta": "context-1m-2025-08-07"}
        other = await given.service.client.post(
            MESSAGES, json=INSTRUCTOR_OF_ANTHROPIC | {"cache": {"ttl": 60}}, headers=beta
        )
        assert "x-vital-cache" not in other.headers


def reply_to(wire: ProviderName, body: dict[str, Any]) -> Reply:
    """Return the stream of a provider, or its whole answer where the request passes as it is."""
    if body.get("stream") or wire == "gemini":
        return stream_of(wire)
    message = {"role": "assistant", "content": SAID}
    whole: dict[ProviderName, Any] = {
        "openai": {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        },
        "anthropic": {
            "id": "msg_1",
            "type": "message",
            "model": "m",
            "role": "assistant",
            "content": [{"type": "text", "text": SAID}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
    }
    return Reply([json.dumps(whole[wire]).encode()], content_type="application/json")
