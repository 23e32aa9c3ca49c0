"""Routes whose deployments speak several protocols, of which not each can carry every request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from tests.ai_engine.gateway.conftest import Gateway, OpenGateway
from tests.ai_engine.gateway.test_chat_completions import HELLO, WHOLE, whole
from tests.llm.wires.servers import anthropic
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply, Server, serve

MIXED = """
[providers.other]
wire = "anthropic"
base_url = "{url}"
key_env = "MINE_KEY"
attempts = 1
[routes.mixed]
deployments = {deployments}
"""
OURS_FIRST = '{ "mine:m" = 1, "other:d" = 0 }'
THEIRS_FIRST = '{ "other:d" = 1, "mine:m" = 0 }'


@asynccontextmanager
async def opened(
    gateway: OpenGateway, deployments: str, reply: Reply | None = None
) -> AsyncIterator[tuple[Gateway, Server]]:
    """Open a gateway in front of a provider of OpenAI's protocol, and one of Anthropic's."""
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(serve(anthropic.stream(anthropic.TEXT)))
        more = MIXED.replace("{deployments}", deployments).replace("{url}", other.url)
        yield await stack.enter_async_context(gateway(reply or whole(), more=more)), other


async def ask(given: Gateway, **more: Any) -> httpx.Response:
    """Ask for what Anthropic's protocol does not have."""
    body = {"model": "mixed", "messages": HELLO, "seed": 7, "max_tokens": 50} | more
    return await given.service.client.post("/v1/chat/completions", json=body)


@pytest.mark.parametrize("deployments", [OURS_FIRST, THEIRS_FIRST])
async def test_a_deployment_that_cannot_carry_a_request_does_not_refuse_it(
    gateway: OpenGateway, deployments: str
) -> None:
    async with opened(gateway, deployments) as (given, other):
        answer = await ask(given)
        assert (answer.status_code, answer.json()) == (200, WHOLE)
        assert given.sent["seed"] == 7
        assert other.requests == []


async def test_a_failure_of_the_only_one_that_can_is_the_answer(gateway: OpenGateway) -> None:
    async with opened(gateway, OURS_FIRST, protocol.error(500, "Down.")) as (given, other):
        assert (await ask(given)).status_code == 502
        assert other.requests == []


async def test_a_request_that_none_can_carry_is_refused_by_its_field(gateway: OpenGateway) -> None:
    async with opened(gateway, '["other:d", "other:e"]') as (given, other):
        answer = await ask(given)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "seed")
        assert given.provider.requests == other.requests == []


async def test_dropped_parameters_let_all_deployments_answer(gateway: OpenGateway) -> None:
    async with opened(gateway, THEIRS_FIRST) as (given, _):
        answer = await ask(given, drop_params=True)
        assert answer.json()["choices"][0]["message"]["content"] == anthropic.SAID
        assert given.provider.requests == []


async def test_an_answer_of_which_a_part_was_shown_is_not_followed_by_another(gateway: OpenGateway) -> None:
    """Too long a thought fails the call, and the client has got a part of it already."""
    thought = protocol.chunk({"reasoning_content": "word " * 300_000})
    long = protocol.stream([protocol.chunk({"reasoning_content": "I "}), thought, asyncio.Event()])
    async with opened(gateway, OURS_FIRST, long) as (given, other):
        answer = await ask(given, stream=True, seed=None)
        assert "than it may be" in answer.text[-2_000:]
        assert answer.text.endswith("data: [DONE]\n\n")
        assert other.requests == []
