"""Answers that were written and cannot be read: they are paid for once, and not asked for again."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import orjson
import pytest
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.ai_engine.gateway.test_chat_completions import HELLO, WHOLE
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply

BODY = orjson.dumps(WHOLE)
JSON = "application/json"
MANY_HEADERS = {f"X-Of-Theirs-{number}": "v" for number in range(200)}
PROMPT_TOKENS, PROMPT_NANOS = 9, 90_000
"""The estimate of the prompt, of which nothing else is known."""


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply([BODY[:-20]], content_type=JSON), "not a JSON object"),
        (Reply([BODY, BODY], content_type=JSON), "not a JSON object"),
        (Reply([BODY[:200], ConnectionError], content_type=JSON), "broke off"),
        (Reply([BODY], headers=MANY_HEADERS, content_type=JSON), "head cannot be read"),
        (protocol.stream(protocol.TEXT), "sent no answer"),  # nobody has asked for one
        (Reply([b'{"x": "' + b"x" * 17_000_000], content_type=JSON), "more than 16.8 MB"),
    ],
    ids=["cut", "two", "reset", "head", "stream", "too long"],
)
async def test_a_whole_answer_that_cannot_be_read_is_paid_for_once(
    gateway: OpenGateway, reply: Reply, said: str
) -> None:
    async with gateway(reply) as given:
        with pytest.raises(openai.InternalServerError, match=said) as failed:
            await given.client.chat.completions.create(model="mine:m", messages=HELLO)
        assert (failed.value.status_code, failed.value.type) == (502, "server_error")
        assert len(given.provider.requests) == 1
        assert [row[3:] for row in await given.charges()] == [(PROMPT_TOKENS, 0, PROMPT_NANOS, "failed")]


@pytest.mark.parametrize(
    "reply",
    [
        protocol.stream(protocol.TEXT, headers=MANY_HEADERS),
        protocol.stream([b"data: {unreadable\n\n", *protocol.TEXT]),
        protocol.stream([b"data: " + b"x" * 2_200_000]),
    ],
    ids=["head", "event", "long event"],
)
async def test_a_stream_that_cannot_be_read_is_paid_for_once(gateway: OpenGateway, reply: Reply) -> None:
    async with gateway(reply) as given:
        with pytest.raises(openai.InternalServerError):
            await given.client.chat.completions.create(model="mine:m", messages=HELLO, stream=True)
        assert len(given.provider.requests) == 1
        assert [row[3:] for row in await given.charges()] == [(PROMPT_TOKENS, 0, PROMPT_NANOS, "failed")]


@pytest.mark.parametrize(
    "body", [{}, {"choices": []}, {"error": {"message": "No.", "code": 500}}, {"detail": "No."}]
)
async def test_an_answer_that_says_nothing_costs_nothing(gateway: OpenGateway, body: Any) -> None:
    async with gateway(Reply([orjson.dumps(body)], content_type=JSON)) as given:
        with pytest.raises(openai.InternalServerError):
            await given.client.chat.completions.create(model="mine:m", messages=HELLO)
        assert len(given.provider.requests) == 2
        assert [row[3:] for row in await given.charges()] == [(0, 0, 0, "failed")]


@pytest.mark.parametrize(
    "parts",
    [
        [b"<html>" + b"x" * 1_000, asyncio.Event()],
        [b"x" * 1_000_000] * 8 + [asyncio.Event()],
        [b" ", b"\n", b"no answer, whatever ", b"follows", asyncio.Event()],
    ],
)
async def test_a_body_that_begins_as_no_object_is_not_read_to_its_end(gateway: OpenGateway, parts: list[Any]):
    async with gateway(Reply(parts, content_type="application/json")) as it, asyncio.timeout(20):
        with pytest.raises(openai.APIStatusError) as refused:
            await it.client.chat.completions.create(model="mine:m", messages=HELLO, max_tokens=5)
        assert refused.value.status_code == 502


async def test_a_body_that_says_that_it_is_too_long_is_not_read(gateway: OpenGateway):
    body = Reply([b'{"id": "', asyncio.Event()], headers={"Content-Length": "100000000"})
    async with gateway(body) as it, asyncio.timeout(20):
        with pytest.raises(openai.APIStatusError, match="more than") as refused:
            await it.client.chat.completions.create(model="mine:m", messages=HELLO, max_tokens=5)
        assert refused.value.status_code == 502
