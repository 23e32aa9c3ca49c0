"""Fields that the gateway adds to a request, in front of servers that know less of OpenAI's protocol."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.ai_engine.gateway.conftest import Gateway, OpenGateway
from tests.ai_engine.gateway.test_chat_completions import HELLO
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply, Request

MESSAGE: dict[str, Any] = {"model": "mine:m", "messages": HELLO, "max_tokens": 50, "stream": True}
CHAT: dict[str, Any] = {"model": "mine:m", "messages": HELLO, "stream": True}
ACME = {"X-Tenant-ID": "acme"}


class StrictServer:
    """A server that refuses a field."""

    def __init__(self, field: str) -> None:
        self._field = field

    def __call__(self, request: Request) -> Reply:
        if self._field in request.body:
            return protocol.error(400, f"Unrecognized request argument supplied: {self._field}")
        return protocol.stream(protocol.TEXT)


async def ask(given: Gateway, path: str, body: dict[str, Any]) -> httpx.Response:
    return await given.service.client.post(f"/v1/{path}", json=body, headers=ACME)


@pytest.mark.parametrize(("path", "body"), [("chat/completions", CHAT), ("messages", MESSAGE)])
async def test_a_wish_for_counts_that_is_refused_is_left_out(
    gateway: OpenGateway, path: str, body: dict[str, Any]
) -> None:
    async with gateway(StrictServer("stream_options")) as given:
        for asked in (2, 3):  # it is remembered
            answer = await ask(given, path, body)
            assert (answer.status_code, "42" in answer.text) == (200, True)
            assert "stream_options" not in given.sent
            assert len(given.provider.requests) == asked


async def test_what_the_client_has_sent_itself_is_refused_in_the_providers_words(
    gateway: OpenGateway,
) -> None:
    async with gateway(StrictServer("stream_options")) as given:
        for _ in range(2):
            answer = await ask(given, "chat/completions", CHAT | {"stream_options": {"include_usage": True}})
            assert (answer.status_code, "stream_options" in answer.text) == (400, True)
    async with gateway(StrictServer("seed")) as given:
        answer = await ask(given, "chat/completions", CHAT | {"seed": 7})
        assert (answer.status_code, len(given.provider.requests)) == (400, 1)


async def test_the_limit_of_a_translated_request_gets_its_other_name(gateway: OpenGateway) -> None:
    async with gateway(StrictServer("max_tokens")) as given:
        answer = await ask(given, "messages", MESSAGE)
        assert answer.status_code == 200
        assert "max_tokens" not in given.sent
        assert given.sent["max_completion_tokens"] == 50


async def test_a_limit_that_the_budget_needs_is_never_left_out(gateway: OpenGateway) -> None:
    async with gateway(StrictServer("max_tokens")) as given:
        limits = {"daily_dollars": "100", "models": ["mine:m"]}
        assert (await given.service.client.put("/v1/budgets/acme", json=limits)).status_code == 200
        answer = await ask(given, "chat/completions", CHAT)
        assert answer.status_code == 200
        assert given.sent["max_completion_tokens"] > 0
        refused = await ask(given, "chat/completions", CHAT | {"max_tokens": 9})
        assert refused.status_code == 400  # the client's own
