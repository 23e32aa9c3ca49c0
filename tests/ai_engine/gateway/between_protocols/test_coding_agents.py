"""Requests as coding agents send them: Claude Code's messages, and Codex' responses.

Such agents send everything that their own provider has. For other providers, `VITAL_DROP_PARAMS` leaves that out.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import (
    HELLO,
    MODEL,
    PROVIDERS,
    SAID,
    OpenGateway,
    ProviderName,
    stream_of,
)

from ai_engine.protocols.anthropic.message_body import message_body
from ai_engine.protocols.openai.chat_body import chat_body
from ai_engine.protocols.openai.chat_request_reader import read_chat_request

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
EPHEMERAL = {"cache_control": {"type": "ephemeral"}}
PICTURED = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
READ = {
    "name": "Read",
    "description": "Reads a file.",
    "input_schema": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"file_path": {"type": "string"}, "limit": {"type": "number", "exclusiveMinimum": 0}},
        "required": ["file_path"],
        "additionalProperties": False,
    },
}

CLAUDE_CODE: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 32_000,
    "stream": True,
    "temperature": 1,
    "metadata": {"user_id": f"user_{'0a' * 32}_account__session_0198c7de-1b2c-7d3e-8f40-5a6b7c8d9e0f"},
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1"},
        {"type": "text", "text": "You are Claude Code.", **EPHEMERAL},
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ],
    "tools": [
        READ,
        {**READ, "name": "Glance", "eager_input_streaming": True, "defer_loading": True, **EPHEMERAL},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 8},
    ],
    "thinking": {"type": "enabled", "budget_tokens": 31_999},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<system-reminder>\nToday is Sunday.\n</system-reminder>"},
                {"type": "text", "text": "What is in moon.png and moon.txt?"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I look.", "signature": "c2lnbmVk"},
                {"type": "text", "text": "I look at both."},
                {"type": "tool_use", "id": "toolu_01", "name": "Read", "input": {"file_path": "/moon.png"}},
                {"type": "tool_use", "id": "toolu_02", "name": "Read", "input": {"file_path": "/moon.txt"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_01", "content": [PICTURED]},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_02",
                    "content": "No such file.",
                    "is_error": True,
                    **EPHEMERAL,
                },
                {"type": "text", "text": "Go on.", **EPHEMERAL},
            ],
        },
    ],
}
CLAUDE_CODE_HEADERS = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27",
    "anthropic-dangerous-direct-browser-access": "true",
    "x-app": "cli",
    "authorization": "Bearer any",
    "user-agent": "claude-cli/2.1.0 (external, cli)",
}

CODEX: dict[str, Any] = {
    "model": MODEL,
    "instructions": "You are Codex, a coding agent.",
    "input": [
        {
            "type": "message",
            "role": "developer",
            "content": [
                {"type": "input_text", "text": "<permissions instructions>Ask.</permissions instructions>"}
            ],
        },
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is in moon.txt?"},
                {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"},
            ],
        },
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "I look."}],
            "content": None,
            "encrypted_content": "Z0FBQUFB",
        },
        {
            "type": "function_call",
            "name": "shell",
            "arguments": '{"command":["cat","moon.txt"],"workdir":"/"}',
            "call_id": "call_1",
        },
        {
            "type": "function_call_output",
            "call_id": "call_1",
            "output": '{"output":"","metadata":{"exit_code":1}}',
        },
        {
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": "call_2",
            "name": "apply_patch",
            "input": "*** Begin Patch",
        },
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "Done."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Go on."}]},
    ],
    "tools": [
        {
            "type": "function",
            "name": "shell",
            "description": "Runs a command.",
            "strict": False,
            "parameters": {
                "type": "object",
                "properties": {"command": {"type": "array", "items": {"type": "string"}}},
                "required": ["command"],
                "additionalProperties": False,
            },
        },
        {
            "type": "custom",
            "name": "apply_patch",
            "description": "Edits files.",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
        },
        {"type": "web_search", "external_web_access": False},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "0198-session",
    "text": {"verbosity": "medium"},
    "client_metadata": {"x-codex-installation-id": "0a"},
}
CODEX_HEADERS = {
    "authorization": "Bearer any",
    "originator": "codex_cli_rs",
    "session_id": "0198-session",
    "accept": "text/event-stream",
}


def texts(stream: str, kind: str) -> str:
    """Return the text of a stream's events of a kind."""
    events = [
        json.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line.startswith("data: {")
    ]
    deltas = [each["delta"] for each in events if each["type"] == kind]
    return "".join(each if isinstance(each, str) else each.get("text", "") for each in deltas)


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_claude_code_is_answered_by_every_provider(gateway: OpenGateway, wire: ProviderName) -> None:
    async with gateway(wire, stream_of(wire), drop_params=True) as given:
        post = given.service.client.post
        count = {name: CLAUDE_CODE[name] for name in ("model", "system", "tools", "messages", "thinking")}
        counted = await post("/v1/messages/count_tokens?beta=true", json=count, headers=CLAUDE_CODE_HEADERS)
        assert counted.status_code == 200, counted.text
        assert counted.json()["input_tokens"] > 0
        answer = await post("/v1/messages?beta=true", json=CLAUDE_CODE, headers=CLAUDE_CODE_HEADERS)
        assert answer.status_code == 200, answer.text
        assert texts(answer.text, "content_block_delta") == SAID
        sent, headers = given.sent, given.provider.requests[-1].headers
    if wire == "anthropic":
        assert sent == CLAUDE_CODE | {"model": "m"}
        assert headers["anthropic-beta"] == CLAUDE_CODE_HEADERS["anthropic-beta"]
    if wire == "openai":
        assert len(sent["user"]) == 64  # a longer one is refused
    text = json.dumps(sent)
    for part in ("You are Claude Code.", "I look at both.", "/moon.png", "No such file.", "Go on."):
        assert part in text
    assert headers.get("x-app") is None


@pytest.mark.parametrize(("wire", "most"), [("openai", 64), ("anthropic", 256)])
def test_a_users_id_is_no_longer_than_its_provider_takes_it(wire: str, most: int) -> None:
    def sent(user: str) -> Any:
        request = read_chat_request({"model": "m", "messages": HELLO, "user": user})
        if wire == "openai":
            return chat_body(request, "m").get("user")
        return message_body(request, "m").get("metadata", {}).get("user_id")

    assert sent("u" * most) == "u" * most
    hashed = sent("u" * (most + 1))
    assert len(hashed) == 64
    assert hashed == sent("u" * (most + 1)) != sent("u" * (most + 2))
    assert sent("") is None


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_codex_is_answered_by_every_provider(gateway: OpenGateway, wire: ProviderName) -> None:
    async with gateway(wire, stream_of(wire), drop_params=True) as given:
        answer = await given.service.client.post("/v1/responses", json=CODEX, headers=CODEX_HEADERS)
        assert answer.status_code == 200, answer.text
        assert texts(answer.text, "response.output_text.delta") == SAID
        sent = json.dumps(given.sent)
    for part in ("You are Codex", "<permissions", "moon.txt", "exit_code", "Go on."):
        assert part in sent
    assert "Z0FBQUFB" not in sent


@pytest.mark.parametrize("wire", ["openai", "gemini"])
async def test_without_dropping_an_agent_reads_what_cannot_be_carried(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        for path, body, headers in (
            ("/v1/messages?beta=true", CLAUDE_CODE, CLAUDE_CODE_HEADERS),
            ("/v1/responses", CODEX, CODEX_HEADERS),
        ):
            answer = await given.service.client.post(path, json=body, headers=headers)
            assert answer.status_code == 400
            assert "or set drop_params to true to have it dropped" in answer.json()["error"]["message"]
        assert given.provider.requests == []
