"""Answers that clients ask to be cached, and equal calls at the same time."""

import asyncio
from functools import partial
from typing import Any

import orjson
import pytest
from tests.ai_engine.gateway.conftest import Gateway, OpenGateway
from tests.ai_engine.gateway.test_chat_completions import HELLO, whole
from tests.llm.wires.servers import openai as protocol

from vital_shared.monitoring.metrics import CACHE_OPERATIONS_TOTAL

CACHED = {"cache": {"ttl": 60}}
BODY = {"model": "mine:m", "messages": HELLO}


@pytest.fixture
def gateway(gateway: OpenGateway) -> OpenGateway:
    return partial(gateway, cache_entries=100)


def hits() -> float:
    return sum(sample.value for sample in CACHE_OPERATIONS_TOTAL.labels("hit", "memory", "2").samples())


async def hits_by_workflow(given: Gateway) -> dict[str, int]:
    await given.service.services.savings.flush()
    lines = (await given.service.client.get("/v1/costs?group_by=workflow")).json()["lines"]
    return {line["group"]["workflow"]: line["hits"] for line in lines}


async def ask(given: Gateway, headers: Any = None, **fields: Any) -> Any:
    return await given.service.client.post("/v1/chat/completions", json=BODY | fields, headers=headers)


async def test_an_equal_request_gets_the_cached_answer_for_nothing(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        before = hits()
        first, second = [await ask(given, **CACHED, user=user) for user in ("ann", "bob")]
        assert first.content == second.content
        assert second.headers["X-Vital-Cache"] == "hit"
        assert second.headers["X-Vital-Run-Id"] == first.headers["X-Vital-Run-Id"]
        assert "cache" not in given.sent
        assert (len(given.provider.requests), len(await given.charges())) == (1, 1)
        assert hits() == before + 1
        assert await hits_by_workflow(given) == {"gateway": 1}


async def test_nothing_is_cached_unless_a_client_asks(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        for fields in ({}, {}, CACHED, {}, {"cache": {"ttl": 0}}):
            await ask(given, **fields)
        assert len(given.provider.requests) == 5


async def test_a_header_asks_for_the_cache_as_the_body_does(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        for _ in range(2):
            await given.client.chat.completions.create(**BODY, extra_headers={"X-Vital-Cache-TTL": "60"})
        assert len(given.provider.requests) == 1


async def test_a_stream_comes_again_event_by_event(gateway: OpenGateway) -> None:
    async with gateway(protocol.stream(protocol.TEXT)) as given:
        answers = []
        for _ in range(2):
            stream = await given.client.chat.completions.create(**BODY, stream=True, extra_body=CACHED)
            answers.append([chunk.model_dump() async for chunk in stream])
        assert answers[0] == answers[1]
        assert len(given.provider.requests) == 1


async def test_any_other_field_makes_another_answer(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        for fields in ({}, {"temperature": 0.5}, {"seed": 1}, {"seed": 1}, {"x_theirs": 1}):
            await ask(given, **CACHED, **fields)
        assert len(given.provider.requests) == 4


async def test_tenants_never_get_each_others_cached_answers(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        for tenant in ("acme", "globex", "acme"):
            await ask(given, {"X-Tenant-ID": tenant}, **CACHED)
        assert [row[0] for row in await given.charges()] == ["acme", "globex"]


async def test_a_key_that_may_not_name_the_model_gets_no_cached_answer(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        await ask(given, {"X-Tenant-ID": "acme"}, **CACHED)
        refused = await ask(given, await given.service.key("acme", "ask"), **CACHED)
        assert refused.status_code == 403


async def test_deleting_cached_answers_deletes_the_gateways(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        await ask(given, **CACHED)
        assert (await given.service.client.delete("/v1/cache")).status_code == 200
        given.service.services.epochs._recent = type(given.service.services.epochs._recent)()
        await ask(given, **CACHED)
        assert len(given.provider.requests) == 2


async def test_failures_are_not_cached(gateway: OpenGateway) -> None:
    async with gateway(protocol.error(400, "No."), whole()) as given:
        assert [(await ask(given, **CACHED)).status_code for _ in range(3)] == [400, 200, 200]
        assert len(given.provider.requests) == 2


@pytest.mark.parametrize("cache", [True, [], {"ttl": "long"}, {"ttl": -1}, {"ttl": 1e9}, {"no-cache": True}])
async def test_a_wish_that_cannot_be_read_is_named(gateway: OpenGateway, cache: Any) -> None:
    async with gateway(whole()) as given:
        refused = await ask(given, cache=cache)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "cache")


async def test_equal_calls_at_the_same_time_are_one(gateway: OpenGateway) -> None:
    gate = asyncio.Event()
    async with gateway(protocol.stream([*protocol.TEXT[:3], gate, *protocol.TEXT[3:]])) as given:

        async def follow() -> str:
            stream = await given.client.chat.completions.create(**BODY, stream=True, extra_body=CACHED)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        clients = [asyncio.create_task(follow()) for _ in range(20)]
        await until_followed(given, 20)
        gate.set()
        assert await asyncio.gather(*clients) == [protocol.SAID] * 20
        assert (len(given.provider.requests), len(await given.charges())) == (1, 1)


async def test_a_call_goes_on_while_one_of_its_clients_is_there(gateway: OpenGateway) -> None:
    gate = asyncio.Event()
    async with gateway(protocol.stream([*protocol.TEXT[:3], gate, *protocol.TEXT[3:]])) as given:
        first, second = [asyncio.create_task(ask(given, stream=True, **CACHED)) for _ in range(2)]
        await until_followed(given, 2)
        first.cancel()
        await until_followed(given, 1)
        gate.set()
        assert (await second).text.endswith("data: [DONE]\n\n")
        assert [row[-1] for row in await given.charges()] == ["success"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_call_ends_with_the_last_of_its_clients(gateway: OpenGateway, *, stream: bool) -> None:
    reply = protocol.stream([*protocol.TEXT[:3]]) if stream else whole()
    reply.parts = [*reply.parts[:-1], reply.parts[-1][:50], asyncio.Event()]  # and no end comes
    async with gateway(reply) as given:
        clients = [asyncio.create_task(ask(given, stream=stream, **CACHED)) for _ in range(2)]
        await until_followed(given, 2)
        await asyncio.wait_for(given.provider.asked.wait(), 20)
        for client in clients:
            client.cancel()
        await asyncio.wait_for(given.provider.closed.wait(), 20)
        assert not given.service.engine.answers._calls


async def test_equal_calls_share_a_failure_and_the_next_begins_anew(gateway: OpenGateway) -> None:
    gate = asyncio.Event()

    def refusal(_: Any) -> Any:
        reply = protocol.error(400, "No.")
        reply.parts = [gate, *reply.parts]
        return reply

    async with gateway(refusal, whole()) as given:
        clients = [asyncio.create_task(ask(given, **CACHED)) for _ in range(5)]
        await until_followed(given, 5)
        gate.set()
        assert {answer.status_code for answer in await asyncio.gather(*clients)} == {400}
        assert (await ask(given, **CACHED)).status_code == 200


async def test_embeddings_are_cached_too(gateway: OpenGateway) -> None:
    data = [{"object": "embedding", "index": 0, "embedding": "AACAPg=="}]
    answer = {"object": "list", "data": data, "model": "e", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    reply = whole()
    reply.parts = [orjson.dumps(answer)]
    async with gateway(reply) as given:
        for _ in range(2):
            await given.client.embeddings.create(model="mine:embedder", input="a", extra_body=CACHED)
        assert len(given.provider.requests) == 1


async def until_followed(given: Gateway, clients: int) -> Any:
    """Wait until a call under way has a number of clients."""
    async with asyncio.timeout(20):
        while True:
            for call in given.service.engine.answers._calls.values():
                if call.clients == clients:
                    return call
            await asyncio.sleep(0.01)
