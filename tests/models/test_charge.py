"""A charge: what may stand on a bill."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vital_shared.models.charge import MAX_CHARGE_NANOS, Charge
from vital_shared.models.model_call import Tokens
from vital_shared.models.token_bound import UNKNOWN_CALL, TokenBound, max_tokens

KNOWN = {"item": "llm/1", "cost_type": "llm", "name": "openai:gpt", "status": "success"}
COUNTS = st.integers(-(2**70), 2**70)


@given(cost=COUNTS, most=COUNTS)
def test_a_charge_is_never_below_zero_nor_above_what_the_thing_can_cost(cost, most):
    charge = Charge.bounded(**KNOWN, cost_nanos=cost, max_nanos=most)
    assert 0 <= charge.cost_nanos <= max(0, min(most, MAX_CHARGE_NANOS))
    assert charge.clamped == (charge.cost_nanos != cost)


@pytest.mark.parametrize("nanos", [-1, MAX_CHARGE_NANOS + 1, 1.5, True, "1"])
def test_an_impossible_amount_cannot_be_written_down_directly(nanos):
    with pytest.raises(ValidationError):
        Charge(**KNOWN, cost_nanos=nanos)


@given(
    st.builds(Tokens, input=COUNTS, cached_input=COUNTS, cache_write=COUNTS, output=COUNTS, reasoning=COUNTS)
)
def test_limited_tokens_are_possible_ones(tokens):
    limited = TokenBound(1_000, 500).limit(tokens)
    assert 0 <= limited.cached_input + limited.cache_write <= limited.input <= 1_000
    assert 0 <= limited.reasoning <= limited.output <= 500
    assert TokenBound(1_000, 500).limit(limited) == limited


@pytest.mark.parametrize(
    ("counted", "bound"),
    [
        (
            Tokens(input=1_000_000, output=128_000, reasoning=100_000),
            max_tokens(sent=800_000, asked=32_000, written=0),
        ),
        (
            Tokens(input=60_000, output=90_000, reasoning=90_000),
            max_tokens(sent=10_000, asked=4_096, written=0),
        ),
        (Tokens(input=2_000_000, output=64_000), max_tokens(sent=0, asked=None, written=0)),
        (Tokens(input=10_000_000, output=10_000_000), UNKNOWN_CALL),
    ],
)
def test_a_large_and_honest_call_is_left_as_it_is(counted, bound):
    assert bound.limit(counted) == counted


def test_a_short_question_cannot_have_taken_millions():
    bound = max_tokens(sent=20, asked=100, written=0)
    assert bound.limit(Tokens(input=9_999_999, output=9_999_999)).total < 200_000


def test_a_clients_own_request_may_have_its_provider_read_more_than_it_says():
    bound = max_tokens(sent=20, asked=100, written=0, is_relayed=True)
    film = Tokens(input=1_000_000, output=900)  # an hour of video, of which the request has the address
    assert bound.limit(film) == film
    assert bound.limit(Tokens(input=9_999_999)).input < 2_000_000


@pytest.mark.parametrize("raw", [{"a": "x" * 10_000}, {"a": object()}, {"a": {1, 2}}])
def test_raw_usage_is_small_and_json(raw):
    assert set(Charge(**KNOWN, raw_usage=raw).raw_usage) == {"omitted"}


def test_raw_usage_that_is_small_stays_as_it_came():
    raw = {"prompt_tokens": -5, "details": [None, 1e400]}
    assert Charge(**KNOWN, raw_usage=raw).raw_usage == raw


@pytest.mark.parametrize("raw", [None, {"tokens": 3}, {"tokens": 2**70}, {"text": "half \ud83d"}])
def test_a_charge_comes_back_from_its_json(raw: dict[str, Any] | None) -> None:
    charge = Charge(**KNOWN, account="loop.2.answer", cost_nanos=5, raw_usage=raw)
    read = Charge.model_validate_json(charge.to_json())
    assert (read.item, read.cost_nanos, read.tokens) == (charge.item, 5, charge.tokens)
    if raw is None or "text" not in raw:
        assert read.raw_usage == raw
