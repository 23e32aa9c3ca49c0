"""Routes of the configuration: their deployments, fallbacks and prices, and calls through them."""

from __future__ import annotations

import tomllib
from contextlib import aclosing
from typing import Any

import pytest
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import serve

from vital_shared.billing.pricing import Prices
from vital_shared.breaker import ModelBreakers
from vital_shared.errors import NotFound
from vital_shared.llm.base import ModelRequest, TextDelta
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.llm.chain import Chain
from vital_shared.llm.configuration import Configuration
from vital_shared.llm.providers import Providers
from vital_shared.llm.registry import ModelRegistry
from vital_shared.models.agent import AgentProfile
from vital_shared.models.model_call import Tokens
from vital_shared.testing import CannedModel, counted
from vital_shared.workflows.model_selection import TokenCapped, resolve_models

KEYS = {"OPENAI_API_KEY": "sk-one", "SECOND_KEY": "sk-two", "ANTHROPIC_API_KEY": "sk-three"}


def configured(text: str) -> Configuration:
    return Configuration.model_validate(tomllib.loads(text))


def registry(configuration: Configuration, environ: dict[str, str] | None = None) -> ModelRegistry:
    providers = Providers(configuration, KEYS if environ is None else environ)
    return ModelRegistry([CannedModel(name="last")], providers=providers, configuration=configuration)


def names(models: Any) -> list[str]:
    return [model.name for model in models]


ROUTES = """
[providers.second]
like = "openai"
key_env = "SECOND_KEY"
[routes.smart]
deployments = { "openai:gpt-5" = 1, "second:gpt-5" = 0 }
fallbacks = ["backup", "anthropic:claude-haiku-4-5"]
[routes.backup]
deployments = ["anthropic:claude-sonnet-4-5"]
fallbacks = ["smart"]
"""


def test_a_route_is_its_deployments_and_then_its_fallbacks_each_once() -> None:
    assert names(registry(configured(ROUTES)).chain("smart")) == [
        "openai:gpt-5",
        "second:gpt-5",
        "anthropic:claude-haiku-4-5",
        "anthropic:claude-sonnet-4-5",
    ]


def test_fallbacks_that_name_each_other_end() -> None:
    assert names(registry(configured(ROUTES)).chain("backup"))[0] == "anthropic:claude-sonnet-4-5"


def test_a_table_of_numbers_is_a_route() -> None:
    configuration = configured('models.smart = { "openai:a" = 95, "openai:b" = 5 }')
    assert configuration.routes["smart"].deployments == {"openai:a": 95, "openai:b": 5}
    assert configuration.models == {}


def test_an_agent_and_a_request_may_name_a_route() -> None:
    models = registry(configured(ROUTES))
    agent = AgentProfile(id="a", name="A", system_prompt="Be kind.", model="backup", fallbacks=("smart",))
    assert names(resolve_models(agent, None, models))[0] == "anthropic:claude-sonnet-4-5"
    assert names(resolve_models(agent, "smart", models))[0] == "openai:gpt-5"
    assert names(resolve_models(agent, None, models))[-1] == "last"


def test_a_deployment_without_its_key_is_left_out_and_a_route_of_none_says_what_is_missing() -> None:
    models = registry(configured(ROUTES), {"SECOND_KEY": "sk-two"})
    assert names(models.chain("smart")) == ["second:gpt-5"]
    with pytest.raises(NotFound, match="OPENAI_API_KEY"):
        registry(configured(ROUTES), {}).chain("smart")


@pytest.mark.parametrize(
    "text",
    [
        '[routes."a:b"]\ndeployments = ["openai:a"]',
        "[routes.a]\ndeployments = []",
        '[routes.a]\ndeployments = { "openai:a" = 0 }',
        '[routes.a]\ndeployments = { "openai:a" = -1 }',
        '[routes.a]\ndeployments = { "openai:a" = nan }',
        '[routes.a]\ndeployments = ["b"]\n[routes.b]\ndeployments = ["openai:a"]',
        '[routes.a]\ndeployments = ["openai:a"]\nstrategy = "best"',
        '[providers.a]\nlike = "a"',
    ],
)
def test_a_route_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        configured(text)


def test_a_second_account_has_the_prices_of_the_first_and_a_deployment_those_of_its_model() -> None:
    configuration = configured(
        ROUTES
        + """
[models."azure:our-deployment"]
priced_as = "openai:gpt-4o"
[models."openai:gpt-5"]
price = { input = "1", output = "1" }
"""
    )
    own = {name: each.price for name, each in configuration.models.items() if each.price}
    prices, tokens = Prices(own, price_name=configuration.price_name), Tokens(input=1_000, output=100)
    assert prices.cost("azure:our-deployment", tokens) == prices.cost("openai:gpt-4o", tokens) is not None
    assert prices.cost("second:o3", tokens) == prices.cost("openai:o3", tokens) is not None
    assert prices.cost("second:gpt-5", tokens) == prices.cost("openai:gpt-5", tokens)
    assert prices.has_own("second:gpt-5")


ANSWER = openai.stream(
    [openai.chunk({"role": "assistant", "content": "Yes."}), openai.chunk(finish="stop"), *openai.END]
)


async def ask(models: ModelRegistry) -> tuple[str, Chain]:
    chain = Chain(
        [TokenCapped(model, 100) for model in models.chain("smart")],
        ModelBreakers().of_tenant("acme"),
        CallPricing(lambda _name, _tokens: None, len),
        has_last_resort=False,
    )
    async with aclosing(chain.stream(ModelRequest(question="?"))) as events:
        return "".join([event.text async for event in events if isinstance(event, TextDelta)]), chain


@pytest.mark.parametrize("retry_after", ["18", "60"])
async def test_a_deployment_that_refuses_is_left_alone_and_the_other_one_asked_first(
    retry_after: str,
) -> None:
    refusal = openai.error(429, headers={"Retry-After": retry_after})
    async with serve(refusal) as limited, serve(ANSWER) as free:
        configuration = configured(
            f"""
[providers.limited]
wire = "openai"
base_url = "{limited.url}"
key_env = ""
[providers.free]
like = "limited"
base_url = "{free.url}"
[routes.smart]
deployments = {{ "limited:m" = 1_000_000, "free:m" = 0 }}
"""
        )
        models = registry(configuration, {})
        with counted() as growth:
            for _ in range(3):
                text, chain = await ask(models)
                assert text == "Yes."
        assert (len(limited.requests), len(free.requests)) == (1, 3)
        assert chain.answered is not None
        assert names(models.chain("smart")) == ["free:m", "limited:m"]
        await models.aclose()
    assert growth("vital_deployment_calls_total", status="success", deployment="free:m") == 3
    assert growth("vital_deployment_calls_total", status="failed", deployment="limited:m") == 1
    assert growth("vital_deployment_first_token_seconds_count", deployment="free:m") == 3


async def test_a_deployment_is_waited_for_where_no_other_can_be_asked() -> None:
    refusal = openai.error(429, headers={"Retry-After": "0"})
    async with serve(refusal, ANSWER) as one:
        configuration = configured(
            f"""
[providers.one]
wire = "openai"
base_url = "{one.url}"
key_env = ""
[routes.smart]
deployments = ["one:m"]
"""
        )
        models = registry(configuration, {})
        assert (await ask(models))[0] == "Yes."
        assert len(one.requests) == 2
        await models.aclose()
