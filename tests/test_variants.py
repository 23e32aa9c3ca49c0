"""The choice of variants that `make test` takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.variants import FEW_VARIANTS, sampled, variants_to_keep


@given(st.integers(1, 500))
def test_few_variants_stay_and_of_many_the_first_the_last_and_some_between(count):
    kept = variants_to_keep(count)
    assert {0, count - 1} <= kept <= set(range(count))
    assert len(kept) == min(count, FEW_VARIANTS + max(count - FEW_VARIANTS, 0) // 5)


def test_each_nth_value_is_quick():
    marked = [[mark.name for mark in each.marks] for each in sampled("abcde", 2)]
    assert marked == [[], ["thorough"], [], ["thorough"], []]


@pytest.mark.parametrize("number", range(12))
def test_only_variants_that_start_an_engine_are_left_out(request, number):
    assert request.node.get_closest_marker("thorough") is None
