"""The money that is held for a call of a model covers each kind of token that its provider may count."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.ai_engine.gateway.test_chat_completions import HELLO, whole
from tests.billing.test_usage_shapes import NOON, OWN, SHAPES

from ai_engine.gateway.size import hosted_calls_of, terms_of
from vital_shared.billing.pricing import Price, Prices
from vital_shared.billing.rates import Rates
from vital_shared.llm.base import Usage
from vital_shared.models.hosted_calls import HostedCalls
from vital_shared.models.model_call import Tokens
from vital_shared.models.price_details import PriceDetails
from vital_shared.monitoring.metrics import RESERVATIONS_EXCEEDED_TOTAL

ACME = {"X-Tenant-ID": "acme"}

CODE_4_GIGABYTES = {"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g"}}


@pytest.mark.parametrize(
    ("model", "counts", "charged"), [pytest.param(*shape[1:], id=shape[0]) for shape in SHAPES]
)
def test_a_published_shape_costs_no_more_than_was_held(
    model: str, counts: Sequence[Usage], charged: int
) -> None:
    usage = counts[-1]
    words = () if usage.details is None else usage.details.terms
    prices = Prices(now=lambda: NOON)
    held = prices.max_nanos(model, usage.input_tokens, usage.output_tokens, words)
    beyond = usage.provider_cost is not None or (usage.details is not None and usage.details.web_searches)
    assert beyond or (held is not None and charged <= held)  # what is beyond tokens is reported, see below


COUNTS = st.integers(0, 5_000)


@given(
    st.builds(
        lambda plain, cached, written, said, thought, share, terms: Tokens(
            input=plain + cached + written,
            cached_input=cached,
            cache_write=written,
            output=said + thought,
            reasoning=thought,
            details=PriceDetails(
                cache_write_1h=written // share,
                audio_input=plain // share,
                cached_audio_input=cached // share,
                audio_output=said // share,
                terms=terms,
            ),
        ),
        *[COUNTS] * 5,
        st.integers(1, 9),
        st.sampled_from([(), ("priority",), ("flex",), ("us",), ("fast", "us"), ("us", "priority")]),
    ),
    st.sampled_from(["anthropic:claude-sonnet-4-5", "openai:gpt-audio", "gemini:gemini-2.5-flash", "own:m"]),
)
@settings(deadline=None)
def test_any_kinds_of_tokens_cost_no_more_than_was_held(tokens: Tokens, model: str) -> None:
    own = OWN.model_copy(update={"cache_write_1h": OWN.output, "terms": OWN.terms | {"us": OWN.input}})
    prices = Prices({"own:m": own}, now=lambda: NOON)
    rates = prices.rates(model, tokens)
    asked = terms_of({"speed": "fast"} if "fast" in tokens.details.terms else {})
    held = prices.max_nanos(model, tokens.input, tokens.output, asked)
    assert rates.nanos(tokens) <= held


def test_a_tier_that_a_request_names_holds_no_money_for_a_dearer_one() -> None:
    prices = Prices({"own:m": OWN})
    usual = prices.max_nanos("own:m", 1_000, 100, terms_of({"service_tier": "default"}))
    assert prices.max_nanos("own:m", 1_000, 100, terms_of({"service_tier": "auto"})) == usual * 7 // 4
    assert prices.max_nanos("own:m", 1_000, 100) == usual * 7 // 4
    slow = prices.max_nanos("anthropic:claude-sonnet-4-5", 1_000, 100)
    fast = prices.max_nanos("anthropic:claude-sonnet-4-5", 1_000, 100, terms_of({"speed": "fast"}))
    assert fast == slow * 6


def test_the_most_is_rounded_up() -> None:
    assert Rates(1, 0, 0, 0, 0).max_nanos(1, 0) == 1
    assert Price.model_validate({"input": 1, "output": 2}).rates.max_nanos(3, 5) == 13_000


async def test_a_call_whose_sound_could_cost_more_than_is_left_is_refused(
    gateway: OpenGateway,
) -> None:
    more = '[models."mine:speaks"]\nprice = { input = "1", output = "1", audio_output = "1000" }\n'
    async with gateway(whole(), more=more) as given_:
        await given_.service.client.put("/v1/budgets/acme", json={"daily_dollars": "0.5"})
        body = {"model": "mine:speaks", "messages": HELLO, "max_tokens": 1_000}
        answer = await given_.service.client.post("/v1/chat/completions", json=body, headers=ACME)
        assert answer.status_code == 402
        assert given_.provider.requests == []


async def test_a_call_that_costs_more_than_was_held_is_reported(
    gateway: OpenGateway, caplog: pytest.LogCaptureFixture
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 900, "total_tokens": 910}
    async with gateway(whole(usage=usage)) as given_:
        await given_.service.client.put("/v1/budgets/acme", json={"daily_dollars": "5"})
        exceeded = RESERVATIONS_EXCEEDED_TOTAL.labels().value
        with caplog.at_level(logging.WARNING):
            body = {"model": "mine:m", "messages": HELLO, "max_tokens": 10}
            answer = await given_.service.client.post("/v1/chat/completions", json=body, headers=ACME)
            assert answer.status_code == 200
            await given_.charges()
        assert "reservation_exceeded" in caplog.text
        assert RESERVATIONS_EXCEEDED_TOTAL.labels().value == exceeded + 1


async def test_a_call_that_fits_is_not_reported(
    gateway: OpenGateway, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway(whole()) as given_:
        await given_.service.client.put("/v1/budgets/acme", json={"daily_dollars": "5"})
        exceeded = RESERVATIONS_EXCEEDED_TOTAL.labels().value
        with caplog.at_level(logging.WARNING):
            body = {"model": "mine:m", "messages": HELLO, "max_tokens": 1_000}
            await given_.service.client.post("/v1/chat/completions", json=body, headers=ACME)
            await given_.charges()
        assert "reservation_exceeded" not in caplog.text
        assert RESERVATIONS_EXCEEDED_TOTAL.labels().value == exceeded


@pytest.mark.parametrize(
    ("body", "searches"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]}, 3),
        ({"tools": [{"type": "web_search"}, {"type": "file_search", "vector_store_ids": ["vs_1"]}]}, 20),
        ({"tools": [{"type": "web_search"}, {"type": "function", "name": "f"}], "max_tool_calls": 2}, 2),
        ({"tools": [{"google_search": {}}, {"urlContext": {}}]}, 10),
        ({"tools": [{"googleSearch": {}}]}, 10),
        ({"tools": [{"type": "web_search", "max_uses": 10**9}]}, 1_000),
        ({"tools": [{"type": "web_search", "max_uses": True}]}, 10),
        ({"tools": [{"type": "function", "function": {"name": "web_search"}}]}, 0),
        ({"tools": [{"functionDeclarations": []}], "max_tool_calls": 5}, 0),
        ({"tools": "web_search"}, 0),
        ({}, 0),
    ],
)
def test_a_request_may_search_as_often_as_it_says(body: dict[str, Any], searches: int) -> None:
    assert hosted_calls_of(body) == HostedCalls(searches)


def test_money_is_held_for_the_dearest_kind_of_search() -> None:
    prices = Prices(now=lambda: NOON)

    def extra(model: str, searches: int) -> int:
        return prices.max_nanos(model, 100, 10, (), HostedCalls(searches)) - prices.max_nanos(model, 100, 10)

    assert extra("anthropic:claude-sonnet-4-5", 3) == 3 * 10_000_000
    assert extra("openai:gpt-4.1", 2) == 2 * 10_000_000
    assert extra("gemini:gemini-3-flash-preview", 4) == 4 * 14_000_000
    assert extra("gemini:gemini-2.5-flash", 4) == 35_000_000  # for the whole request
    assert extra("mistral:mistral-large-2512", 4) == 0


@pytest.mark.parametrize(
    ("body", "hosted"),
    [
        ({"tools": [{"googleMaps": {}}, {"google_maps": {"enable_widget": True}}]}, HostedCalls(0, 1)),
        ({"tools": [{"google_maps": {}}, {"google_search": {}}]}, HostedCalls(10, 1)),
        ({"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, HostedCalls(0, 0, 1)),
        ({"tools": [CODE_4_GIGABYTES]}, HostedCalls(0, 0, 4)),
        ({"tools": [CODE_4_GIGABYTES], "max_tool_calls": 0}, HostedCalls()),
        ({"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}, HostedCalls()),
        (
            {"tools": [{"type": "code_interpreter", "container": {"memory_limit": "9e9g"}}]},
            HostedCalls(0, 0, 1),
        ),
        (
            {"tools": [{"type": "code_interpreter", "container": {"memory_limit": "99g"}}]},
            HostedCalls(0, 0, 64),
        ),
    ],
)
def test_a_request_may_use_maps_and_containers(body: dict[str, Any], hosted: HostedCalls) -> None:
    assert hosted_calls_of(body) == hosted


def test_money_is_held_for_maps_containers_and_models_that_search() -> None:
    prices = Prices(now=lambda: NOON)
    hosted = HostedCalls(0, 1, 4)

    def extra(model: str) -> int:
        return prices.max_nanos(model, 100, 10, (), hosted) - prices.max_nanos(model, 100, 10)

    assert extra("gemini:gemini-2.5-flash") == 25_000_000
    assert extra("openai:gpt-4.1") == 4 * 7_500_000
    assert extra("anthropic:claude-sonnet-4-5") == 0
    plain = 100 * 2_500 + 10 * 10_000
    assert prices.max_nanos("openai:gpt-4o-search-preview", 100, 10) == plain + 25_000_000


async def test_a_call_whose_searches_could_cost_more_than_is_left_is_refused(gateway: OpenGateway) -> None:
    more = '[models."mine:seeks"]\nprice = { input = "1", output = "1", web_searches = "10000" }\n'
    async with gateway(whole(), more=more) as given_:
        await given_.service.client.put("/v1/budgets/acme", json={"daily_dollars": "0.05"})
        body = {"model": "mine:seeks", "messages": HELLO, "max_tokens": 10}
        for tools, status in (([{"type": "web_search"}], 402), ([], 200)):
            answer = await given_.service.client.post(
                "/v1/chat/completions", json=body | {"tools": tools}, headers=ACME
            )
            assert answer.status_code == status, answer.text
