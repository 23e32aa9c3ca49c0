"""Providers that are away for a while or break off: each client learns when to ask again, and nothing is free."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import (
    ERRORS,
    PROVIDERS,
    OpenGateway,
    ProviderName,
)
from tests.ai_engine.gateway.between_protocols.test_odd_answers import CLIENTS, asked
from tests.llm.wires.servers.base import Reply

from vital_shared.breaker import BREAKER_FAILURES, OPEN_SECONDS

COUNTS: dict[ProviderName, Any] = {
    "openai": {"usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}},
    "anthropic": {"usage": {"input_tokens": 5, "output_tokens": 6}},
    "gemini": {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 6, "totalTokenCount": 11}},
}
WHOLE: dict[ProviderName, Any] = {
    "openai": {
        "id": "c",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "42"}, "finish_reason": "stop"}],
    },
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "42"}],
        "stop_reason": "end_turn",
    },
    "gemini": {"candidates": [{"content": {"parts": [{"text": "42"}]}, "finishReason": "STOP"}]},
}
OWN_CLIENTS: dict[ProviderName, str] = {"openai": "chat", "anthropic": "messages", "gemini": "contents"}


def whole_of(wire: ProviderName) -> bytes:
    return json.dumps(WHOLE[wire] | COUNTS[wire]).encode()


@pytest.mark.parametrize("wire", PROVIDERS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_the_wait_of_a_provider_that_is_away_reaches_the_client(
    gateway: OpenGateway, client: str, wire: ProviderName
) -> None:
    for status in (500, 503, 529):
        refusal = ERRORS[wire](status)
        refusal.headers["Retry-After"] = "77"
        async with gateway(wire, refusal) as given:
            answer = await asked(given, client, is_streamed=status == 503)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "77"), answer.text


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_model_that_is_left_alone_is_away_until_it_is_tried_again(
    gateway: OpenGateway, client: str
) -> None:
    async with gateway("openai", ERRORS["openai"](500)) as given:
        for _ in range(BREAKER_FAILURES):
            answer = await asked(given, client, is_streamed=False)
            assert (answer.status_code, answer.headers.get("Retry-After")) == (502, None)
        answer = await asked(given, client, is_streamed=False)
        assert answer.status_code == 503
        assert 0 < int(answer.headers["Retry-After"]) <= OPEN_SECONDS
        assert len(given.provider.requests) == BREAKER_FAILURES


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_whole_answer_behind_a_byte_order_mark_is_one(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    reply = Reply([b"\xef\xbb\xbf" + whole_of(wire)], content_type="application/json")
    async with gateway(wire, reply) as given:
        answer = await asked(given, OWN_CLIENTS[wire], is_streamed=False)
        assert (answer.status_code, answer.json()) == (200, json.loads(whole_of(wire)))
        assert await given.tokens() == [(5, 6)]


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_whole_answer_that_breaks_off_is_charged_as_an_estimate(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    reply = Reply([whole_of(wire)[:40], ConnectionError], content_type="application/json")
    async with gateway(wire, reply) as given:
        answer = await asked(given, OWN_CLIENTS[wire], is_streamed=False)
        assert answer.status_code == 502
        ((read, written),) = await given.tokens()
        assert read > 0
        assert written == 0
