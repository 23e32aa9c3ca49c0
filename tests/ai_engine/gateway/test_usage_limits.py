"""Calls of models under the limits of their key, tenant, user and organisation, in the client's protocol."""

from __future__ import annotations

import openai
import pytest
from tests.ai_engine.gateway.conftest import Gateway, OpenGateway
from tests.ai_engine.gateway.test_chat_completions import COST_NANOS, HELLO, whole

ASK = {"model": "mine:m", "messages": HELLO, "max_tokens": 1_000, "user": "ann"}


async def limit(given: Gateway, level: str, scope: str, amount: str, unit: str, period: str = "day", **more):
    asked = {"level": level, "id": scope, "amount": amount, "unit": unit, "period": period} | more
    answer = await given.service.client.put("/v1/limits", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def limits(given: Gateway) -> list:
    await given.service.engine.hub.drained()
    return (await given.service.client.get("/v1/limits")).json()["limits"]


async def test_tokens_are_reserved_for_a_call_and_settled_after_it(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        await limit(given, "user", "ann", "5000", "tokens", tenant_id="default")
        await limit(given, "tenant", "default", "1", "dollars", model="mine:m")
        await limit(given, "tenant", "default", "0", "tokens", model="mine:other")
        await given.client.chat.completions.create(**ASK)
        spent = {
            (each["level"], each["model"]): (each["spent"], each["reserved"]) for each in await limits(given)
        }
        assert spent == {
            ("tenant", "mine:m"): (f"{COST_NANOS / 10**9:f}".rstrip("0"), "0"),
            ("tenant", "mine:other"): ("0", "0"),
            ("user", None): ("150", "0"),
        }


async def test_a_call_that_could_use_too_many_tokens_is_not_made(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        assert (
            await given.service.client.put("/v1/organisations/umbrella/tenants/default")
        ).status_code == 204
        await limit(given, "organisation", "umbrella", "900", "tokens", "minute")
        with pytest.raises(
            openai.RateLimitError, match="900 tokens per minute of the organisation umbrella"
        ) as refused:
            await given.client.chat.completions.create(**ASK)
        assert 0 < int(refused.value.response.headers["Retry-After"]) <= 60
        assert not given.provider.requests
        assert (await limits(given))[0]["reserved"] == "0"


async def test_a_call_that_could_cost_too_much_is_not_made(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        await limit(given, "tenant", "default", "0.0001", "dollars", model="mine:m")
        with pytest.raises(
            openai.APIStatusError, match='of the tenant default for the model "mine:m"'
        ) as refused:
            await given.client.chat.completions.create(**ASK)
        assert (refused.value.status_code, refused.value.code) == (402, "insufficient_quota")
        assert not given.provider.requests


async def test_a_refusal_is_in_anthropics_words_for_its_clients(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        await limit(given, "tenant", "default", "10", "tokens", "minute")
        asked = {"model": "mine:m", "max_tokens": 100, "messages": HELLO}
        answer = await given.service.client.post("/v1/messages", json=asked)
        assert answer.status_code == 429
        assert answer.json()["error"]["type"] == "rate_limit_error"
        assert "10 tokens per minute of the tenant default" in answer.json()["error"]["message"]


async def test_a_workflow_is_under_the_same_limits(gateway: OpenGateway) -> None:
    async with gateway() as given:
        plain = {
            "query": "Hello?",
            "mode": 1,
            "tenant_id": "default",
            "user_id": "ann",
            "agent_id": "generalist",
        }
        plain |= {"enable_rag": False, "enable_tools": False}
        set_limit = await limit(given, "user", "ann", "1", "tokens", tenant_id="default")
        answer = await given.service.client.post("/v1/runs", json=plain)
        assert (answer.status_code, answer.json()["limit_of"]) == (429, "the user ann of the tenant default")
        await given.service.client.delete(f"/v1/limits/{set_limit['limit_id']}")
        assert (await given.service.client.post("/v1/runs", json=plain)).status_code == 200
