"""Counts from outside are whole, bounded and parts of their whole, whatever JSON a provider sends."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vital_shared.llm.base import MAX_CALL_TOKENS, Usage
from vital_shared.llm.wires.counts import UsageReader
from vital_shared.llm.wires.openai_usage import read_usage

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["10", " 7 ", "1e9", "-1", "٣"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "cached_tokens",
        "prompt_cache_hit_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
        "cost",
    ]
)
DETAILS = st.dictionaries(
    st.sampled_from(["cached_tokens", "cache_write_tokens", "reasoning_tokens"]), JSON, max_size=3
)


def openai(prompt=100, completion=20, **more):
    return read_usage({"prompt_tokens": prompt, "completion_tokens": completion, **more})


@pytest.mark.parametrize("value", [10, 10.0, "10", " 10 ", "10.0"])
def test_whole_numbers_are_read_in_any_spelling(value):
    usage = openai(prompt=value)
    assert (usage.input_tokens, usage.corrected) == (10, False)


@pytest.mark.parametrize(
    "value",
    [True, -1, -0.5, float("nan"), float("inf"), 10**12, "ten", "-1", "1e9", "9" * 40, [10], {"n": 10}],
)
def test_what_is_no_count_is_ignored_and_flagged(value):
    usage = openai(prompt=value)
    assert (usage.input_tokens, usage.output_tokens, usage.corrected) == (0, 20, True)


@pytest.mark.parametrize("raw", ["many", 7, [1], True])
def test_a_usage_that_is_no_object_counts_nothing(raw):
    assert read_usage(raw) == Usage(corrected=True)


def test_null_is_as_left_out():
    usage = openai(prompt_tokens_details=None, completion_tokens_details={"reasoning_tokens": None})
    assert (usage.cached_input_tokens, usage.reasoning_tokens, usage.corrected) == (0, 0, False)


def test_parts_are_clamped_to_their_whole():
    details = {"cached_tokens": 500, "cache_write_tokens": 9}
    usage = openai(
        total_tokens=120, prompt_tokens_details=details, completion_tokens_details={"reasoning_tokens": 70}
    )
    assert (usage.input_tokens, usage.cached_input_tokens, usage.cache_write_tokens) == (100, 100, 0)
    assert (usage.output_tokens, usage.reasoning_tokens, usage.corrected) == (20, 20, True)


def test_no_usage_can_be_made_whose_parts_are_above_their_whole():
    with pytest.raises(ValidationError):
        Usage(input_tokens=1, cached_input_tokens=2)
    with pytest.raises(ValidationError):
        Usage(output_tokens=1, reasoning_tokens=2)
    with pytest.raises(ValidationError):
        Usage(output_tokens=MAX_CALL_TOKENS + 1)


@pytest.mark.parametrize(
    "cached",
    [
        {"prompt_tokens_details": {"cached_tokens": 90}},
        {"cached_tokens": 90},
        {"prompt_cache_hit_tokens": 90, "prompt_cache_miss_tokens": 10},
        {"prompt_tokens_details": {"cached_tokens": 0}, "cached_tokens": 90},
        {"cache_read_input_tokens": 90},
    ],
)
def test_cached_tokens_wherever_they_stand(cached):
    usage = openai(**cached, total_tokens=120)
    assert (usage.input_tokens, usage.cached_input_tokens) == (100, 90)


def test_reasoning_beside_the_completion_shows_in_the_total():
    """xAI: total = prompt + completion + reasoning."""
    usage = read_usage(
        {
            "prompt_tokens": 10120,
            "completion_tokens": 1499,
            "total_tokens": 14428,
            "prompt_tokens_details": {"cached_tokens": 128},
            "completion_tokens_details": {"reasoning_tokens": 2809},
        }
    )
    assert (usage.output_tokens, usage.reasoning_tokens, usage.corrected) == (4308, 2809, False)


@pytest.mark.parametrize("total", [{}, {"total_tokens": 620}])
def test_cached_tokens_on_top_of_the_prompt(total):
    usage = openai(cached_tokens=500, **total)
    assert (usage.input_tokens, usage.cached_input_tokens, usage.corrected) == (600, 500, False)


def test_reasoning_above_the_completion_is_beside_it_where_no_total_says_otherwise():
    usage = openai(completion_tokens_details={"reasoning_tokens": 70})
    assert (usage.output_tokens, usage.reasoning_tokens, usage.corrected) == (90, 70, False)


@pytest.mark.parametrize(
    ("cost", "read"),
    [
        (0.00014, Decimal("0.00014")),
        ("0.5", Decimal("0.5")),
        (2, Decimal(2)),
        (-1, None),
        (True, None),
        ("x", None),
    ],
)
def test_the_providers_own_cost_is_kept_where_it_can_be_believed(cost, read):
    usage = openai(cost=cost)
    assert (usage.provider_cost, usage.corrected) == (read, read is None)
    assert usage.raw["cost"] == cost


def test_a_usage_that_is_too_large_is_not_kept():
    assert openai(junk="x" * 10_000).raw is None


@pytest.mark.parametrize("odd", ["\ud83d", "a\x00b", 2**80])
def test_a_usage_that_cannot_be_stored_is_not_kept(odd):
    assert openai(junk=odd).raw is None


def test_what_is_kept_is_plain_json():
    assert openai(junk=float("nan")).raw["junk"] is None


@given(st.dictionaries(FIELDS, JSON | DETAILS, max_size=8) | JSON)
def test_any_json_gives_counts_that_can_be_charged(raw):
    usage = read_usage(raw)
    assert 0 <= usage.cached_input_tokens + usage.cache_write_tokens <= usage.input_tokens <= MAX_CALL_TOKENS
    assert 0 <= usage.reasoning_tokens <= usage.output_tokens <= MAX_CALL_TOKENS


@given(st.lists(st.none() | st.integers(-(10**9), 10**9), min_size=5, max_size=5))
def test_any_sums_of_a_wire_give_counts_that_can_be_charged(counts):
    read, cached, written, output, reasoning = counts
    usage = UsageReader({}).usage(
        input_tokens=read,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output,
        reasoning_tokens=reasoning,
    )
    assert usage == Usage.model_validate(usage.model_dump())
