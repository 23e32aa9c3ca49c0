"""Providers that leave the connection open behind their last event: the answer is over all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.ai_engine.gateway.test_chat_completions import COST_NANOS, HELLO
from tests.ai_engine.gateway.test_verbatim_responses import MODEL as RESPONDING
from tests.ai_engine.gateway.test_verbatim_responses import MORE, STREAM
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply


async def test_a_client_that_goes_with_the_last_event_has_had_a_whole_answer(gateway: OpenGateway) -> None:
    """OpenAI's client closes its connection at ``[DONE]``, whatever may follow."""
    never = asyncio.Event()
    async with gateway(protocol.stream([*protocol.TEXT, never])) as given:
        stream = await given.client.chat.completions.create(model="mine:m", messages=HELLO, stream=True)
        said = [chunk.choices[0].delta.content or "" async for chunk in stream]
        assert "".join(said) == protocol.SAID
        assert [row[3:] for row in await given.charges()] == [(120, 30, COST_NANOS, "success")]
        assert [run["status"] for run in await given.runs()] == ["completed"]
        never.set()


@pytest.mark.parametrize(
    ("path", "body", "last"),
    [
        ("chat/completions", {"model": "mine:m", "messages": HELLO}, "[DONE]"),
        ("messages", {"model": "mine:m", "messages": HELLO, "max_tokens": 100}, "message_stop"),
        ("responses", {"model": "mine:m", "input": "How many?"}, "response.completed"),
        ("responses", {"model": RESPONDING, "input": "How many?"}, "response.completed"),
    ],
)
async def test_a_client_that_reads_to_the_end_does_not_wait_for_the_connections(
    gateway: OpenGateway, path: str, body: dict[str, Any], last: str
) -> None:
    never = asyncio.Event()
    events = STREAM if body["model"] == RESPONDING else protocol.TEXT
    async with gateway(Reply([*events, never]), more=MORE) as given, asyncio.timeout(3):
        answer = await given.service.client.post(f"/v1/{path}", json=body | {"stream": True})
        assert last in answer.text.rstrip().rpartition("\n\n")[2]
        assert [row[-1] for row in await given.charges()] == ["success"]
        never.set()


async def test_counts_behind_the_end_marker_are_charged(gateway: OpenGateway) -> None:
    words, counts = protocol.TEXT[:-2], protocol.TEXT[-2]
    async with gateway(protocol.stream([*words, protocol.DONE, counts])) as given:
        answer = await given.service.client.post(
            "/v1/chat/completions", json={"model": "mine:m", "messages": HELLO, "stream": True}
        )
        assert answer.text.endswith("data: [DONE]\n\n")
        assert [row[3:] for row in await given.charges()] == [(120, 30, COST_NANOS, "success")]
