"""Calls of models under the limits of their key, tenant, user and organisation, in the client's protocol."""

from __future__ import annotations

from itertools import product

import openai
import pytest
from tests.ai_engine.gateway.conftest import Gateway, OpenGateway
from tests.ai_engine.gateway.test_chat_completions import COST_NANOS, HELLO, whole

from ai_engine.background.limit_gauges import limit_gauges
from vital_shared.monitoring.instrument import Gauge
from vital_shared.monitoring.metrics import (
    LIMIT_HOLDER,
    REGISTRY,
    USAGE_LIMIT_AMOUNT,
    USAGE_LIMIT_LEFT,
    USAGE_LIMIT_REFUSALS_TOTAL,
    USAGE_LIMIT_SPENT,
)

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


def refusals(level: str, unit: str, period: str) -> float:
    return USAGE_LIMIT_REFUSALS_TOTAL.labels(level, unit, period).value


def all_refusals() -> float:
    labels = USAGE_LIMIT_REFUSALS_TOTAL.label_set
    return sum(refusals(*each) for each in product(*(label.values for label in labels)))


def shown(gauge: Gauge) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels[label] for label in ("level", "holder", "unit", "period")): sample.value
        for metric in REGISTRY.collect()
        if metric.name == gauge.name
        for sample in metric.samples
    }


@pytest.mark.parametrize(
    ("place", "scope", "amount", "more"),
    [
        (("tenant", "dollars", "month"), "default", "0.00001", {}),
        (("tenant", "dollars", "day"), "default", "0.00001", {"model": "mine:m"}),
        (("user", "tokens", "minute"), "ann", "10", {"tenant_id": "default"}),
    ],
)
async def test_what_a_limit_refuses_is_counted_by_level_unit_and_period(
    gateway: OpenGateway, place: tuple[str, str, str], scope: str, amount: str, more: dict[str, str]
) -> None:
    async with gateway(whole()) as given:
        before, of_all = refusals(*place), all_refusals()
        level, unit, period = place
        await limit(given, level, scope, amount, unit, period, **more)
        with pytest.raises(openai.APIStatusError):
            await given.client.chat.completions.create(**ASK)
        assert (refusals(*place) - before, all_refusals() - of_all) == (1, 1)


async def test_the_metrics_show_what_is_left_of_the_fullest_limit_of_each_holder(
    gateway: OpenGateway,
) -> None:
    async with gateway(whole()) as given:
        services = given.service.services
        assert (
            await given.service.client.put("/v1/organisations/umbrella/tenants/default")
        ).status_code == 204
        await limit(given, "organisation", "umbrella", "1", "dollars", "month")
        await limit(given, "tenant", "default", "0", "tokens", model="mine:other")
        await limit(given, "user", "ann", "5000", "tokens", tenant_id="default")
        await limit(given, "user", "ann", "2000", "tokens", tenant_id="default", model="mine:m")
        await limit(given, "user", "bob", "500", "tokens", tenant_id="default")
        await limit(given, "user", "ann", "5000", "tokens", "minute", tenant_id="default")
        await limit(given, "key", "key_unknown", "500", "tokens")
        await given.client.chat.completions.create(**ASK)
        await given.service.engine.hub.drained()
        gauges = limit_gauges(services)
        await services.labels.refresh(now=services.now())
        await gauges.refresh()
        cost = COST_NANOS / 10**9
        whole_organisation = ("organisation", "umbrella", "dollars", "month")
        tenant = ("tenant", "default", "tokens", "day")
        users = ("user", "default", "tokens", "day")
        assert shown(USAGE_LIMIT_AMOUNT) == {whole_organisation: 1, tenant: 0, users: 2000}
        assert shown(USAGE_LIMIT_SPENT) == {whole_organisation: cost, tenant: 0, users: 150}
        assert shown(USAGE_LIMIT_LEFT) == {whole_organisation: 1 - cost, tenant: 0, users: 1850}
        for each in await limits(given):
            await given.service.client.delete(f"/v1/limits/{each['limit_id']}")
        await gauges.refresh()
        assert shown(USAGE_LIMIT_AMOUNT) == shown(USAGE_LIMIT_SPENT) == shown(USAGE_LIMIT_LEFT) == {}


async def test_holders_beyond_the_names_are_shown_by_the_fullest_of_them(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMIT_HOLDER, "limit", 1)
    async with gateway() as given:
        services = given.service.services
        for number, amount in enumerate(("500", "300", "400")):
            await limit(given, "tenant", f"tenant_{number}", amount, "tokens")
        await services.labels.refresh(now=services.now())
        gauges = limit_gauges(services)
        await gauges.refresh()
        day = ("tokens", "day")
        assert shown(USAGE_LIMIT_AMOUNT) == {
            ("tenant", "tenant_0", *day): 500,
            ("tenant", "other", *day): 300,
        }
        for each in await limits(given):
            await given.service.client.delete(f"/v1/limits/{each['limit_id']}")
        await gauges.refresh()


async def test_the_fullest_limits_alone_have_series(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ai_engine.background.limit_gauges.MAX_SHOWN_LIMITS", 1)
    async with gateway(whole()) as given:
        services = given.service.services
        await limit(given, "organisation", "umbrella", "5000", "tokens")
        await limit(given, "tenant", "default", "5000", "tokens", "month")
        await given.client.chat.completions.create(**ASK)
        await given.service.engine.hub.drained()
        await services.labels.refresh(now=services.now())
        gauges = limit_gauges(services)
        await gauges.refresh()
        assert shown(USAGE_LIMIT_SPENT) == {("tenant", "default", "tokens", "month"): 150}
        for each in await limits(given):
            await given.service.client.delete(f"/v1/limits/{each['limit_id']}")
        await gauges.refresh()
