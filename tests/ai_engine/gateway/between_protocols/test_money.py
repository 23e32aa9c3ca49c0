"""The cost of a call, with every protocol of clients and of providers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Literal

import httpx
import pytest
from sqlalchemy import func, select
from tests.ai_engine.gateway.between_protocols.any_provider import (
    MODEL,
    PROTOCOLS,
    PROVIDERS,
    Gateway,
    OpenGateway,
    ProviderName,
    stream_of,
)
from tests.llm.wires.servers import openai as openai_server

from vital_shared.store.account_tables import ledger, reservations

ClientName = Literal["chat", "responses", "messages", "gemini"]

CLIENTS: list[ClientName] = ["chat", "responses", "messages", "gemini"]
ACME = {"X-Tenant-ID": "acme"}
NANOS: dict[ProviderName, int] = {
    "openai": 20 * 10_000 + 100 * 1_000 + 30 * 30_000,
    "anthropic": 50 * 10_000 + 70 * 1_000 + 40 * 30_000,
    "gemini": 50 * 10_000 + 70 * 1_000 + 40 * 30_000,
}
"""The cost of each provider's answer: tokens read, tokens read from its cache, and tokens written."""

HELD = 200 * 10_000 + 100 * 30_000
"""More nano-dollars than are reserved for a call of `MAX_TOKENS`."""

MAX_TOKENS = 100


@dataclass(frozen=True)
class Request:
    """A request for a streamed answer of limited length."""

    path: str
    body: dict[str, Any]


def request(client: ClientName, tokens: int) -> Request:
    hello = [{"role": "user", "content": "Hello?"}]
    match client:
        case "chat":
            body = {"model": MODEL, "messages": hello, "stream": True, "max_completion_tokens": tokens}
            return Request("/v1/chat/completions", body)
        case "responses":
            body = {"model": MODEL, "input": "Hello?", "stream": True, "max_output_tokens": tokens}
            return Request("/v1/responses", body | {"store": False})
        case "messages":
            return Request(
                "/v1/messages", {"model": MODEL, "messages": hello, "stream": True, "max_tokens": tokens}
            )
        case "gemini":
            return Request(
                f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse",
                {
                    "contents": [{"parts": [{"text": "Hello?"}]}],
                    "generationConfig": {"maxOutputTokens": tokens},
                },
            )


async def ask(given: Gateway, client: ClientName, tokens: int = MAX_TOKENS) -> httpx.Response:
    asked = request(client, tokens)
    return await given.service.client.post(asked.path, json=asked.body, headers=ACME)


async def limit(given: Gateway, dollars: str) -> None:
    put = await given.service.client.put(
        "/v1/budgets/acme", json={"daily_dollars": dollars, "models": [MODEL]}
    )
    assert put.status_code == 200, put.text


async def charges(given: Gateway) -> list[Any]:
    """Return the rows of the ledger, once all runs have ended."""
    await given.service.engine.hub.drained()
    async with given.service.services.database.connect() as connection:
        return list(await connection.execute(select(ledger).order_by(ledger.c.id)))


async def reserved(given: Gateway) -> int:
    async with given.service.services.database.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(reservations))).scalar_one()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("wire", PROVIDERS)
async def test_an_answer_costs_its_exact_price(
    gateway: OpenGateway, wire: ProviderName, client: ClientName
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        answer = await ask(given, client)
        assert answer.status_code == 200
        rows = await charges(given)
        assert [(row.tenant_id, row.cost_nanos, row.estimated) for row in rows] == [
            ("acme", NANOS[wire], False)
        ]
        assert await reserved(given) == 0


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_budget_that_a_call_could_exceed_refuses_it_unasked(
    gateway: OpenGateway, client: ClientName
) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        await limit(given, "0.0005")
        refused = await ask(given, client)
        assert refused.status_code == 402
        assert "budget" in refused.json()["error"]["message"]
        assert given.provider.requests == []
        assert await charges(given) == []
        assert await reserved(given) == 0


@pytest.mark.parametrize("client", CLIENTS)
async def test_calls_at_once_never_overspend_a_budget(gateway: OpenGateway, client: ClientName) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        await limit(given, "0.02")
        answers = await asyncio.gather(*[ask(given, client) for _ in range(40)])
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 402}
        rows = await charges(given)
        assert [row.cost_nanos for row in rows] == [NANOS["openai"]] * statuses.count(200)
        while (await ask(given, client)).status_code == 200:
            pass
        left = 20_000_000 - sum(row.cost_nanos for row in await charges(given))
        assert 0 <= left < HELD  # the next call could have cost more


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_call_whose_client_goes_is_charged_once_and_lets_go_of_its_money(
    gateway: OpenGateway, wire: ProviderName, client: ClientName
) -> None:
    protocol = PROTOCOLS[wire]
    reply = protocol.stream([*protocol.TEXT[:4], asyncio.Event()])
    async with gateway(wire, reply) as given:
        await limit(given, "0.02")
        asked = request(client, MAX_TOKENS)
        streamed = given.service.client.stream("POST", asked.path, json=asked.body, headers=ACME)
        async with streamed as answer:
            assert await anext(answer.aiter_bytes())
        assert await asyncio.wait_for(given.provider.closed.wait(), 30)
        [row] = await charges(given)
        assert 0 < row.cost_nanos < HELD
        assert (row.tenant_id, row.estimated) == ("acme", True)
        assert await reserved(given) == 0


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_stream_that_breaks_off_is_charged_once_and_lets_go_of_its_money(
    gateway: OpenGateway, wire: ProviderName, client: ClientName
) -> None:
    protocol = PROTOCOLS[wire]
    async with gateway(wire, protocol.stream([*protocol.TEXT[:4], ConnectionError])) as given:
        await limit(given, "0.02")
        await ask(given, client)
        [row] = await charges(given)
        assert 0 < row.cost_nanos < HELD
        assert (row.tenant_id, row.estimated) == ("acme", True)
        assert await reserved(given) == 0


ODD_COUNTS: dict[str, Any] = {
    "zero": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    "below zero": {"prompt_tokens": -120, "completion_tokens": -30},
    "no numbers": {"prompt_tokens": "many", "completion_tokens": [30]},
    "huge": {"prompt_tokens": 10**18, "completion_tokens": 10**18},
    "none of them": {},
    "a list": [120, 30],
}


def counts_of(client: ClientName, stream: str) -> tuple[int, int] | None:
    """Return the tokens that a client reads at the end of a stream; None: they are passed on unread."""
    *_, last = (json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {"))
    match client:
        case "chat":
            return None
        case "responses":
            usage = last["response"]["usage"]
            return usage["input_tokens"], usage["output_tokens"]
        case "messages":
            *_, counted = (
                json.loads(line[6:])["usage"]
                for line in stream.splitlines()
                if line.startswith("data: ") and '"message_delta"' in line
            )
            return counted["input_tokens"], counted["output_tokens"]
        case "gemini":
            usage = last["usageMetadata"]
            return usage["promptTokenCount"], usage["candidatesTokenCount"]


@pytest.mark.parametrize("name", ODD_COUNTS)
async def test_counts_that_say_nothing_make_no_answer_free(gateway: OpenGateway, name: str) -> None:
    counted = openai_server.chunk(choices=[], usage=ODD_COUNTS[name])
    reply = openai_server.stream([*openai_server.TEXT[:-2], counted, openai_server.DONE])
    async with gateway("openai", reply) as given:
        shown = []
        for client in CLIENTS:
            answer = await ask(given, client)
            assert answer.status_code == 200
            shown.append(counts_of(client, answer.text))
        rows = await charges(given)
        assert shown[1:] == [
            (row.input_tokens, row.output_tokens) for row in rows[1:]
        ]  # the first is relayed
        assert len(rows) == len(CLIENTS)
        for row in rows:
            assert (row.input_tokens > 0, row.output_tokens > 0, row.estimated) == (True, True, True)
            assert 0 < row.cost_nanos < HELD


async def test_an_answer_that_is_longer_than_it_may_be_is_paid_for(gateway: OpenGateway) -> None:
    long = openai_server.chunk({"content": "word " * 300_000})
    async with gateway("openai", openai_server.stream([long, *openai_server.TEXT[-3:]])) as given:
        await ask(given, "chat")
        [row] = await charges(given)
        assert (row.status, row.estimated) == ("failed", True)
        assert row.input_tokens > 0
        assert row.output_tokens > MAX_TOKENS


async def test_what_a_provider_reads_by_itself_is_charged_in_full(gateway: OpenGateway) -> None:
    """A search of its own, or a film behind an address, has more tokens than the request."""
    usage = {"prompt_tokens": 700_000, "completion_tokens": 30, "total_tokens": 700_030}
    counted = openai_server.chunk(choices=[], usage=usage)
    reply = openai_server.stream([*openai_server.TEXT[:-2], counted, openai_server.DONE])
    async with gateway("openai", reply) as given:
        await ask(given, "chat")
        [row] = await charges(given)
        assert (row.input_tokens, row.cost_nanos) == (700_000, 700_000 * 10_000 + 30 * 30_000)
