"""What calls cost: exactly, and never nothing by oversight."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, StartDateConstraint
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.billing.pricing import Price, Prices
from vital_shared.billing.rates import Rates
from vital_shared.models.model_call import Tokens

DOLLARS = st.decimals(0, 1000, places=4)
COUNTS = st.integers(0, 10**6)


@st.composite
def some_tokens(draw):
    cached, written, plain = draw(COUNTS), draw(COUNTS), draw(COUNTS)
    reasoning, said = draw(COUNTS), draw(COUNTS)
    return Tokens(
        input=cached + written + plain,
        cached_input=cached,
        cache_write=written,
        output=reasoning + said,
        reasoning=reasoning,
    )


@st.composite
def prices(draw):
    return Price(
        input=draw(DOLLARS),
        output=draw(DOLLARS),
        cached_input=draw(st.none() | DOLLARS),
        cache_write=draw(st.none() | DOLLARS),
        reasoning=draw(st.none() | DOLLARS),
    )


def exactly(price: Price, tokens: Tokens) -> Decimal:
    """What a call costs by the textbook, in nano-dollars."""
    cached = price.input if price.cached_input is None else price.cached_input
    write = price.input if price.cache_write is None else price.cache_write
    reasoning = price.output if price.reasoning is None else price.reasoning
    plain = tokens.input - tokens.cached_input - tokens.cache_write
    dollars_per_million = (
        plain * price.input
        + tokens.cached_input * cached
        + tokens.cache_write * write
        + (tokens.output - tokens.reasoning) * price.output
        + tokens.reasoning * reasoning
    )
    return dollars_per_million * 1000


@given(prices(), some_tokens())
def test_each_kind_of_token_has_its_price_and_the_sum_is_rounded_once(price, tokens):
    expected = exactly(price, tokens).to_integral_value(ROUND_HALF_EVEN)
    assert price.rates.nanos(tokens) == expected


@given(prices(), some_tokens())
def test_unit_prices_are_reported_exactly(price, tokens):
    reported = {name: Decimal(text) for name, text in price.rates.in_dollars().items()}
    assert Price(**reported) == Price(**(price.model_dump(exclude_none=True) | reported))
    assert Price(**reported).rates == price.rates


def test_a_half_is_rounded_to_even():
    price = Price(input=Decimal("0.0005"), output=Decimal(0))  # half a nano-dollar for a token
    assert [price.rates.nanos(Tokens(input=n)) for n in (1, 2, 3, 5, 7)] == [0, 1, 2, 2, 4]


def text_models():
    """Every model of the table that has a price for text and is found by its own id, by our name."""
    for provider in get_snapshot().providers:
        for model in provider.models:
            prices = model.prices if isinstance(model.prices, ModelPrice) else model.prices[-1].prices
            if provider.find_model(model.id) is None:
                continue
            if prices.input_mtok is not None and prices.output_mtok is not None:
                yield f"{provider.id}:{model.id}"


@given(st.sampled_from(sorted(text_models())), some_tokens())
def test_the_cost_is_the_tables_own_to_the_nano_dollar(model, tokens):
    provider, _, name = model.partition(":")
    usage = Usage(
        input_tokens=tokens.input,
        cache_read_tokens=tokens.cached_input,
        cache_write_tokens=tokens.cache_write,
        output_tokens=tokens.output,
        output_reasoning_tokens=tokens.reasoning,
    )
    when = datetime(2026, 11, 25, 12, tzinfo=UTC)
    theirs = calc_price(usage, name, provider_id=provider, genai_request_timestamp=when).total_price
    ours = Prices(now=lambda: when).cost(model, tokens)
    assert ours == theirs.quantize(Decimal("1e-9"), ROUND_HALF_EVEN)


def test_a_long_prompt_makes_all_of_a_call_dearer():
    short = Prices().cost("gemini:gemini-2.5-pro", Tokens(input=200_000))
    long = Prices().cost("gemini:gemini-2.5-pro", Tokens(input=200_001))
    assert (short, long) == (Decimal("0.25"), Decimal("0.5000025"))


def test_a_price_that_holds_for_a_time_is_that_of_the_moment():
    dated = next(
        (f"{p.id}:{m.id}", m.prices)
        for p in get_snapshot().providers
        for m in p.models
        if isinstance(m.prices, list)
        and isinstance(m.prices[-1].constraint, StartDateConstraint)
        and all(isinstance(each.prices.input_mtok, Decimal) for each in m.prices)
    )
    model, steps = dated
    begins = datetime.combine(steps[-1].constraint.start_date, datetime.min.time(), UTC)
    moment = begins - timedelta(days=1)
    prices = Prices(now=lambda: moment)
    before = prices.rates(model, Tokens(input=1))
    moment = begins + timedelta(days=1)
    assert (before, prices.rates(model, Tokens(input=1))) == tuple(
        Rates.of(
            input=each.prices.input_mtok,
            output=each.prices.output_mtok,
            cached_input=each.prices.cache_read_mtok,
            cache_write=each.prices.cache_write_mtok,
        )
        for each in steps[-2:]
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
