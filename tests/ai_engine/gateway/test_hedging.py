"""Calls of routes that are hedged: a second deployment is asked when the first is silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.ai_engine.gateway.conftest import Gateway, OpenGateway
from tests.ai_engine.gateway.test_chat_completions import HELLO, WHOLE, whole
from tests.llm.wires.servers import anthropic
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply, serve

from vital_shared.monitoring.metrics import LLM_HEDGES_TOTAL

MORE = """
[routes.hedged]
deployments = {{ "mine:a" = 1, "mine:b" = 0 }}
hedge_after_seconds = {seconds}
[models."mine:a"]
price = {{ input = "10", output = "30" }}
[models."mine:b"]
price = {{ input = "10", output = "30" }}
"""
HEDGED = MORE.format(seconds=0.05)

USUAL = {True: protocol.SAID, False: WHOLE["choices"][0]["message"]["content"]}
"""The text of a streamed answer, and of a whole one."""


def hedges(outcome: str) -> float:
    return LLM_HEDGES_TOTAL.labels("mine:a", outcome).value


def replies(**by_model: Any) -> Callable[[Any], Reply]:
    return lambda request: by_model[request.body["model"]]


def silent(*, is_streamed: bool) -> tuple[Reply, asyncio.Event]:
    never = asyncio.Event()
    return (
        protocol.stream([never]) if is_streamed else Reply([never], content_type="application/json")
    ), never


async def asked(
    given: Gateway, *, is_streamed: bool, path: str = "chat/completions", model: str = "hedged"
) -> httpx.Response:
    body = {"model": model, "messages": HELLO, "max_tokens": 50, "stream": is_streamed}
    return await given.service.client.post(f"/v1/{path}", json=body)


def said(answer: httpx.Response) -> str:
    if answer.headers["content-type"].startswith("application/json"):
        return answer.json()["choices"][0]["message"]["content"]
    events = [json.loads(line[6:]) for line in answer.text.split("\n\n") if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for each in events for choice in each["choices"])


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_silent_deployment_is_overtaken_and_both_are_charged_once(
    gateway: OpenGateway, is_streamed: bool
) -> None:
    slow, _ = silent(is_streamed=is_streamed)
    quick = protocol.stream(protocol.TEXT) if is_streamed else whole()
    before = hedges("won")
    async with gateway(replies(a=slow, b=quick), more=HEDGED) as given:
        answer = await asked(given, is_streamed=is_streamed)
        assert said(answer) == USUAL[is_streamed]
        await asyncio.wait_for(given.provider.closed.wait(), 20)  # the silent call is let go
        charges = await given.charges()
        assert sorted((row[2], row[-1]) for row in charges) == [
            ("mine:a", "cancelled"),
            ("mine:b", "success"),
        ]
        assert all(row[5] > 0 for row in charges)
    assert hedges("won") == before + 1


async def test_the_first_deployment_may_still_win(gateway: OpenGateway) -> None:
    begun = asyncio.Event()

    def reply(request: Any) -> Reply:
        if request.body["model"] == "a":
            return protocol.stream([begun, *protocol.TEXT])
        begun.set()  # the second is asked: now the first begins
        return silent(is_streamed=True)[0]

    before = hedges("lost")
    async with gateway(reply, more=HEDGED) as given:
        assert said(await asked(given, is_streamed=True)) == protocol.SAID
        charges = await given.charges()
        assert sorted((row[2], row[-1]) for row in charges) == [
            ("mine:a", "success"),
            ("mine:b", "cancelled"),
        ]
    assert hedges("lost") == before + 1


async def test_a_translated_answer_is_that_of_the_winner_alone(gateway: OpenGateway) -> None:
    slow, _ = silent(is_streamed=True)
    async with gateway(replies(a=slow, b=protocol.stream(protocol.TEXT)), more=HEDGED) as given:
        answer = await asked(given, is_streamed=False, path="messages")
        assert [block["text"] for block in answer.json()["content"]] == [protocol.SAID]


async def test_a_quick_deployment_is_asked_alone(gateway: OpenGateway) -> None:
    async with gateway(protocol.stream(protocol.TEXT), more=MORE.format(seconds=60)) as given:
        assert said(await asked(given, is_streamed=True)) == protocol.SAID
        assert [row[2] for row in await given.charges()] == ["mine:a"]


async def test_no_second_call_is_made_beyond_the_budget_of_hedges(gateway: OpenGateway) -> None:
    begun = asyncio.Event()
    before = hedges("over_budget")
    async with gateway(protocol.stream([begun, *protocol.TEXT]), more=HEDGED, hedge_share=0) as given:
        while given.service.services.hedges.take():
            pass
        asking = asyncio.create_task(asked(given, is_streamed=True))
        while hedges("over_budget") == before:  # noqa: ASYNC110 - a metric signals nothing
            await asyncio.sleep(0.01)
        begun.set()
        assert said(await asking) == protocol.SAID
        assert [row[2] for row in await given.charges()] == ["mine:a"]


async def test_both_calls_of_a_hedge_are_reserved(gateway: OpenGateway) -> None:
    slow, _ = silent(is_streamed=True)
    one = 50 * 30_000 + 200 * 10_000
    async with gateway(replies(a=slow, b=protocol.stream(protocol.TEXT)), more=HEDGED) as given:
        # What remains suffices for one call with its longest answer, and not for two.
        await given.service.client.put("/v1/budgets/acme", json={"daily_dollars": str(one / 10**9)})
        body = {"model": "hedged", "messages": HELLO, "max_tokens": 50, "stream": True}
        answer = await given.service.client.post(
            "/v1/chat/completions", json=body, headers={"X-Tenant-ID": "acme"}
        )
        assert answer.status_code == 402
        assert given.provider.requests == []


CHAIN = """
[routes.chained]
deployments = {{ "mine:a" = 1, "mine:b" = 0, "mine:c" = 0, "other:d" = 0 }}
hedge_after_seconds = 0.05
[providers.other]
wire = "anthropic"
base_url = "{url}"
key_env = "MINE_KEY"
attempts = 1
"""


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_hedge_wins_within_a_chain_of_which_the_first_has_failed(
    gateway: OpenGateway, is_streamed: bool
) -> None:
    never, _ = silent(is_streamed=is_streamed)
    quick = protocol.stream(protocol.TEXT) if is_streamed else whole()
    answers = replies(a=protocol.error(500, "Down."), b=never, c=quick)
    chained = CHAIN.format(url="http://127.0.0.1:1")
    async with gateway(answers, more=chained) as given:
        before = LLM_HEDGES_TOTAL.labels("mine:b", "won").value
        answer = await asked(given, is_streamed=is_streamed, model="chained")
        assert said(answer) == USUAL[is_streamed]
        await asyncio.wait_for(given.provider.closed.wait(), 20)
        statuses = {row[2]: row[-1] for row in await given.charges()}
        assert (statuses["mine:b"], statuses["mine:c"]) == ("cancelled", "success")
        assert "other:d" not in statuses
        (run,) = await given.runs()
        assert (run["status"], run["model"]) == ("completed", "mine:c")
        assert LLM_HEDGES_TOTAL.labels("mine:b", "won").value == before + 1


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_the_next_model_answers_where_both_calls_of_a_hedge_fail(
    gateway: OpenGateway, is_streamed: bool
) -> None:
    asked_second = asyncio.Event()
    down = protocol.error(500, "Down.")

    def reply(request: Any) -> Reply:
        if request.body["model"] == "a":
            return Reply([asked_second, ConnectionError], content_type="text/event-stream")
        if request.body["model"] == "b":
            asked_second.set()
            return down
        return protocol.stream(protocol.TEXT) if is_streamed else whole()

    async with gateway(reply, more=CHAIN.format(url="http://127.0.0.1:1")) as given:
        answer = await asked(given, is_streamed=is_streamed, model="chained")
        assert said(answer) == USUAL[is_streamed]
        assert {row[2]: row[-1] for row in await given.charges()}["mine:c"] == "success"


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_winner_of_another_protocol_is_translated(gateway: OpenGateway, is_streamed: bool) -> None:
    never, _ = silent(is_streamed=is_streamed)
    async with serve(anthropic.stream(anthropic.TEXT)) as other:
        mixed = CHAIN.replace('"mine:b" = 0, "mine:c" = 0, ', "").format(url=other.url)
        async with gateway(never, more=mixed) as given:
            answer = await asked(given, is_streamed=is_streamed, model="chained")
            assert said(answer) == anthropic.SAID
            assert other.requests[-1].body["messages"]
            await asyncio.wait_for(given.provider.closed.wait(), 20)
