"""Tenants share the provider's account: references to objects that it stores are refused to each of them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.llm.wires.servers import openai as protocol

from ai_engine.gateway.shared_account import refuse_shared_state
from vital_shared.errors import InvalidRequest


def said(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hi."}, {"role": "user", "content": list(parts)}]}


def items(*parts: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": list(parts)}]}


def contents(part: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"parts": [part]}]}


GEMINIS = "https://generativelanguage.googleapis.com/v1beta/files/abc"

STORED = [
    (said({"type": "file", "file": {"file_id": "file-1"}}), "messages.1.content.0.file.file_id"),
    (items({"type": "input_file", "file_id": "file-1"}), "input.0.content.0.file_id"),
    (items({"type": "input_image", "file_id": "file-1"}), "input.0.content.0.file_id"),
    ({"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, "tools.0.vector_store_ids"),
    ({"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}, "tools.0.container"),
    (
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}]},
        "tools.0.container.file_ids",
    ),
    ({"tools": [{"type": "mcp", "connector_id": "connector_gmail"}]}, "tools.0.connector_id"),
    ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input.0.id"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt.id"),
    (
        said({"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
        "messages.1.content.0.source.file_id",
    ),
    (said({"type": "container_upload", "file_id": "file_1"}), "messages.1.content.0.file_id"),
    (
        said({"type": "tool_result", "content": [{"type": "image", "source": {"file_id": "file_1"}}]}),
        "messages.1.content.0.content.0.source.file_id",
    ),
    ({"container": "container_1"}, "container"),
    (contents({"fileData": {"fileUri": GEMINIS}}), "contents.0.parts.0.fileData.fileUri"),
    (contents({"file_data": {"file_uri": "files/abc"}}), "contents.0.parts.0.file_data.file_uri"),
    ({"cachedContent": "cachedContents/1"}, "cachedContent"),
    ({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, "messages.0.audio.id"),
    ({"container": {"id": "container_1"}}, "container.id"),
    ({"container": {"skills": [{"type": "custom", "skill_id": "skill_1"}]}}, "container.skills.0.skill_id"),
    (
        {"tools": [{"type": "image_generation", "input_image_mask": {"file_id": "file-1"}}]},
        "tools.0.input_image_mask.file_id",
    ),
    (
        {"tools": [{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/a"]}}]},
        "tools.0.fileSearch.fileSearchStoreNames",
    ),
    (
        contents({"functionResponse": {"name": "f", "parts": [{"fileData": {"fileUri": GEMINIS}}]}}),
        "contents.0.parts.0.functionResponse.parts.0.fileData.fileUri",
    ),
]


@pytest.mark.parametrize(("body", "field"), STORED)
def test_what_is_stored_is_refused_to_a_tenant(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest, match="which all tenants of this engine share") as refused:
        refuse_shared_state(body, "acme")
    assert refused.value.field == field
    refuse_shared_state(body, None)


def test_what_is_too_deep_to_be_looked_at_is_refused() -> None:
    part: dict[str, Any] = {"type": "image", "source": {"file_id": "file_1"}}
    for _ in range(40):
        part = {"type": "tool_result", "content": [part]}
    with pytest.raises(InvalidRequest, match="nested more than 20 levels deep"):
        refuse_shared_state(said(part), "acme")


SENT = [
    {"container": {"skills": [{"type": "anthropic", "skill_id": "pptx"}]}},
    {"audio": {"voice": "alloy", "format": "wav"}, "messages": [{"role": "user", "content": "Say it."}]},
    said({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}),
    said({"type": "tool_use", "id": "t", "name": "read", "input": {"file_id": "my own"}}),
    said({"type": "code_execution_tool_result", "content": {"content": [{"file_id": "made there"}]}}),
    {"tools": [{"type": "function", "function": {"parameters": {"properties": {"file_id": {}}}}}]},
    {"tools": [{"type": "mcp", "server_url": "https://example.com/mcp", "authorization": "the client's"}]},
    {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
    {"input": [{"type": "function_call", "arguments": '{"file_id": "my own"}'}]},
    contents({"functionCall": {"name": "read", "args": {"file_id": "my own"}}}),
    contents({"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}}),
    {"prompt": "Say hello", "input": "file_id", "messages": None, "tools": "none", "container": None},
]


@pytest.mark.parametrize("body", SENT)
def test_what_the_client_has_sent_or_calls_so_itself_passes(body: dict[str, Any]) -> None:
    assert refuse_shared_state(body, "acme") is None  # type: ignore[func-returns-value]


async def test_each_protocol_refuses_it_before_the_provider_is_asked(gateway: OpenGateway) -> None:
    chat = {"model": "mine:m"} | STORED[0][0]
    requests = {
        "/v1/chat/completions": chat,
        "/v1/responses": {"model": "mine:m"} | STORED[1][0],
        "/v1/messages": {"model": "mine:m", "max_tokens": 9} | STORED[9][0],
        "/v1beta/models/mine:m:generateContent": STORED[13][0],
    }
    async with gateway(protocol.stream(protocol.TEXT)) as given:
        key = await given.service.key("acme", "ask")
        for path, body in requests.items():
            response = await given.service.client.post(path, json=body, headers=key)
            assert response.status_code == 400, (path, response.text)
            assert "which all tenants of this engine share: send the content" in response.text
        assert given.provider.requests == []
        all_tenants = await given.service.key(None, "ask", "admin")
        passed = await given.service.client.post(
            "/v1/chat/completions", json=chat | {"stream": True}, headers=all_tenants
        )
        assert passed.status_code == 200, passed.text
        assert given.sent["messages"] == chat["messages"]
