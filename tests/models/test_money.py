"""Money is exact to the nano-dollar."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.models.money import nanos_at_most, to_dollars, to_nanos

NANOS = st.integers(min_value=0, max_value=2**63 - 1)


@given(NANOS)
def test_an_amount_comes_back_to_the_last_digit(nanos):
    assert to_nanos(to_dollars(nanos)) == nanos_at_most(to_dollars(nanos)) == nanos


@given(st.decimals(min_value=0, max_value=10**6, places=12))
def test_rounding_is_by_half_a_nano_dollar_at_most_and_what_may_be_spent_is_never_too_low(dollars):
    assert abs(to_dollars(to_nanos(dollars)) - dollars) <= Decimal("5e-10")
    assert dollars <= to_dollars(nanos_at_most(dollars)) < dollars + Decimal("1e-9")


@pytest.mark.parametrize(
    ("dollars", "nanos"), [("0.0000000005", 0), ("0.0000000015", 2), ("1.25", 1_250_000_000)]
)
def test_a_half_is_rounded_to_even(dollars, nanos):
    assert to_nanos(Decimal(dollars)) == nanos


def test_whole_dollars_are_written_as_such():
    assert str(to_dollars(200_000_000_000)) == "200"
