"""Clients that speak HTTP/1.0, as old tools and some proxies do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.ai_engine.harness import Service

QUESTION: Mapping[str, Any] = {
    "model": "mode-2/generalist",
    "messages": [{"role": "user", "content": "How long does the review take?"}],
}


async def _exchange(service: Service, body: Mapping[str, Any], *headers: str) -> tuple[str, bytes]:
    """Return the head in small letters and the body, as they are until the connection ends."""
    content = json.dumps(body).encode()
    head = [
        "POST /v1/chat/completions HTTP/1.0",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        *headers,
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        writer.write("\r\n".join([*head, "", ""]).encode() + content)
        async with asyncio.timeout(30):
            received = await reader.read()
    finally:
        writer.transport.abort()
    head_bytes, _, answer = received.partition(b"\r\n\r\n")
    return head_bytes.decode().lower(), answer


@pytest.mark.parametrize("headers", [(), ("Connection: keep-alive",)])
async def test_a_stream_has_no_chunks_and_ends_with_its_connection(
    service: Service, headers: tuple[str, ...]
) -> None:
    head, answer = await _exchange(service, {**QUESTION, "stream": True}, *headers)
    assert head.startswith("http/1.1 200 ")
    assert "transfer-encoding" not in head
    assert "connection: close" in head
    assert answer.startswith(b"data: {")
    assert answer.endswith(b"data: [DONE]\n\n")
    lines = answer.split(b"\n")
    assert all(line.startswith((b"data: ", b":")) or not line for line in lines), answer


async def test_a_whole_answer_has_its_length(service: Service) -> None:
    head, answer = await _exchange(service, QUESTION)
    assert f"content-length: {len(answer)}" in head
    assert json.loads(answer)["choices"][0]["finish_reason"] == "stop"
