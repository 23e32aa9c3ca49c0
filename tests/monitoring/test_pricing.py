"""What calls cost: exactly, and never nothing by oversight."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.models.model_call import Tokens
from vital_shared.monitoring.pricing import Price, Prices

DOLLARS = st.decimals(0, 1000, places=4)
COUNTS = st.integers(0, 10**6)


@st.composite
def some_tokens(draw):
    cached, written, plain = draw(COUNTS), draw(COUNTS), draw(COUNTS)
    return Tokens(
        input=cached + written + plain, cached_input=cached, cache_write=written, output=draw(COUNTS)
    )


@st.composite
def prices(draw):
    return Price(
        input=draw(DOLLARS),
        output=draw(DOLLARS),
        cached_input=draw(st.none() | DOLLARS),
        cache_write=draw(st.none() | DOLLARS),
    )


@given(prices(), some_tokens(), some_tokens())
def test_costs_add_up_to_the_last_digit(price, one, other):
    assert price.of(one) + price.of(other) == price.of(one + other)


@given(prices(), some_tokens())
def test_each_kind_of_token_has_its_price(price, tokens):
    whole = price.of(tokens) * 1_000_000
    cached = price.input if price.cached_input is None else price.cached_input
    write = price.input if price.cache_write is None else price.cache_write
    plain = tokens.input - tokens.cached_input - tokens.cache_write
    assert (
        whole
        == plain * price.input
        + tokens.cached_input * cached
        + tokens.cache_write * write
        + tokens.output * price.output
    )


@pytest.mark.parametrize(
    ("model", "tokens", "dollars"),
    [
        ("openai:gpt-4o-mini", Tokens(input=1000, cached_input=10, output=100, reasoning=50), "0.00020925"),
        ("gemini:gemini-2.5-flash", Tokens(input=1000, output=100), "0.00055"),
        (
            "anthropic:claude-sonnet-4-5",
            Tokens(input=1100, cached_input=1000, cache_write=50, output=10),
            "0.0007875",
        ),
        ("openrouter:openai/gpt-4o", Tokens(input=1000), "0.0025"),
    ],
)
def test_the_table_knows_what_people_use(model, tokens, dollars):
    assert Prices().cost(model, tokens) == Decimal(dollars)


def test_unknown_is_not_free():
    assert Prices().cost("openai:made-up", Tokens(input=1)) is None
    assert Prices().cost("nobody:x", Tokens(input=1)) is None
    assert Prices().cost("canned", Tokens(input=1)) is None


@pytest.mark.parametrize("model", ["local:smollm2", "ollama:llama3", "extractive"])
def test_ones_own_machine_is_free_by_declaration(model):
    assert Prices().cost(model, Tokens(input=10**6, output=10**6)) == 0


def test_ones_own_price_goes_before_the_table():
    own = Prices({"openai:gpt-4o-mini": Price(input=Decimal(1), output=Decimal(2))})
    assert own.cost("openai:gpt-4o-mini", Tokens(input=1_000_000, output=500_000)) == 2
