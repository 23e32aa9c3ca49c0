"""Streams that are ended from without, or are too long: no client takes a part of an answer for all of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import (
    PROTOCOLS,
    PROVIDERS,
    OpenGateway,
    ProviderName,
)
from tests.ai_engine.gateway.between_protocols.test_money import CLIENTS, ClientName, request
from tests.ai_engine.gateway.between_protocols.test_odd_answers import chunk
from tests.llm.wires.servers import openai as openai_server

ENDS: dict[ClientName, bytes] = {
    "chat": b'"type":"server_error","param":null,"code":"cut"}}\n\ndata: [DONE]\n\n',
    "responses": b"event: response.failed\n",
    "messages": b'event: error\ndata: {"type":"error","error":{"type":"api_error"',
    "gemini": b'data: {"error":{"code":502,',
}
"""The error that each client gets in its stream."""


async def streamed(given: Any, client: ClientName, *, until: bytes) -> bytes:
    """Read a stream, whose run is cancelled once it has begun to say something."""
    asked, said, cancelling = request(client, 100), b"", None
    async with given.service.client.stream("POST", asked.path, json=asked.body) as answer:
        async for data in answer.aiter_bytes():
            said += data
            if cancelling is None and until in said:
                run = answer.headers["x-vital-run-id"]
                cancelling = asyncio.create_task(given.service.client.delete(f"/v1/runs/{run}"))
    assert cancelling is not None
    assert (await cancelling).is_success
    return said


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_client_is_told_that_its_run_was_cancelled(
    gateway: OpenGateway, wire: ProviderName, client: ClientName
) -> None:
    protocol = PROTOCOLS[wire]
    async with gateway(wire, protocol.stream([*protocol.TEXT[:4], asyncio.Event()])) as given:
        said = await streamed(given, client, until=b'"It')
        assert ENDS[client] in said
        assert said.count(b"was ended before its answer was whole") == 1


LONG = "word " * 300_000


@pytest.mark.parametrize(
    ("client", "field"),
    [(client, field) for client in CLIENTS for field in ("content", "reasoning_content")][
        :-1
    ],  # the last one asks for no thoughts, and gets none
)
async def test_a_client_is_told_that_its_answer_was_too_long(
    gateway: OpenGateway, client: ClientName, field: str
) -> None:
    parts = [chunk({field: "It"}), chunk({field: LONG}), asyncio.Event()]
    async with gateway("openai", openai_server.stream(parts)) as given:
        asked = request(client, 100)
        answer = await given.service.client.post(asked.path, json=asked.body)
        assert answer.status_code == 200
        assert "than it may be" in answer.text[-2_000:]
        assert len(given.provider.requests) == 1
