"""Requests that are legal and odd, for providers that speak another protocol."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import (
    HELLO,
    MODEL,
    OpenGateway,
    ProviderName,
    stream_of,
)


@pytest.mark.parametrize("wire", ["anthropic", "gemini"])
@pytest.mark.parametrize(
    ("path", "asked"),
    [("/v1/chat/completions", {"messages": HELLO}), ("/v1/responses", {"input": "Hello?"})],
)
async def test_a_client_may_name_its_user_twice_and_say_how_long_its_prompt_is_cached(
    gateway: OpenGateway, wire: ProviderName, path: str, asked: dict[str, Any]
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        cached = {"prompt_cache_key": "k", "prompt_cache_retention": "24h"}
        body = {"model": MODEL, "user": "ann", "safety_identifier": "ann-1"} | cached | asked
        answer = await given.service.client.post(path, json=body)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("text", [" ", "\n\t"])
async def test_blank_text_alone_is_refused_where_the_provider_takes_none(
    gateway: OpenGateway, text: str
) -> None:
    async with gateway("anthropic", stream_of("anthropic")) as given:
        body = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
        answer = await given.service.client.post("/v1/chat/completions", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "messages")
        assert given.provider.requests == []
