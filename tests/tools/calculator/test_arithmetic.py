from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vital_shared.tools.calculator.arithmetic import MAX_DEPTH, evaluate
from vital_shared.tools.calculator.arithmetic_functions import FUNCTIONS, CalculationError

whole = st.integers(-(10**12), 10**12)
decimals = st.decimals(-(10**9), 10**9, places=6)


def expressions(operators: str, leaves: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions in parentheses, which mean the same here and in Python."""
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds("({} {} {})".format, inner, st.sampled_from(operators), inner)
            | st.builds("(-{})".format, inner)
        ),
        max_leaves=8,
    )


@given(expressions("+-*", st.integers(0, 99_999).map(str)))
def test_whole_numbers_are_exact(text: str) -> None:
    number = evaluate(text)
    assert number.exact
    assert number.value == eval(text)


@given(expressions("+-*", st.decimals(0, 999, places=3).map(str)))
def test_decimal_fractions_are_exact(text: str) -> None:
    number = evaluate(text)
    assert number.exact
    assert Fraction(number.value) == eval(re.sub(r"[0-9.]+", r"Fraction('\g<0>')", text))


@given(whole, whole)
def test_quotients_and_remainders_are_those_of_python(left: int, right: int) -> None:
    assume(right)
    assert evaluate(f"({left}) // ({right})").value == left // right
    assert evaluate(f"({left}) % ({right})").value == left % right
    quotient = evaluate(f"({left}) / ({right})")
    assert abs(Fraction(quotient.value) - Fraction(left, right)) <= abs(Fraction(left, right)) / 10**49
    assert quotient.exact == (Fraction(quotient.value) == Fraction(left, right))


@given(decimals, decimals)
def test_quotient_and_remainder_of_fractions_make_the_whole_again(left: Decimal, right: Decimal) -> None:
    assume(right)
    quotient = evaluate(f"({left:f}) // ({right:f})").value
    rest = evaluate(f"({left:f}) % ({right:f})").value
    assert Fraction(quotient) * Fraction(right) + Fraction(rest) == Fraction(left)
    assert quotient == Fraction(left) // Fraction(right)


@given(st.integers(-50, 50), st.integers(0, 20))
def test_powers_are_those_of_python(base: int, exponent: int) -> None:
    assume(base or exponent)
    assert evaluate(f"({base}) ** {exponent}").value == base**exponent


@given(whole, st.integers(-11, 3))
def test_rounding_is_that_of_python(value: int, places: int) -> None:
    assert evaluate(f"round({value}, {places})").value == round(value, places)


@given(st.floats(-1e6, 1e6), st.sampled_from(["sin", "cos", "atan"]))
def test_functions_agree_with_python_to_15_decimals(value: float, name: str) -> None:
    result = evaluate(f"{name}({Decimal(value):f})" if abs(value) > 1e-200 else f"{name}(0)")
    assert math.isclose(float(result.value), getattr(math, name)(value), rel_tol=1e-9, abs_tol=1e-9)
    assert not result.exact


@given(st.floats(1e-9, 1e9), st.sampled_from([("ln", math.log), ("log10", math.log10), ("sqrt", math.sqrt)]))
def test_logarithms_and_roots_agree_with_python(value: float, function: tuple[str, object]) -> None:
    name, in_python = function
    assert callable(in_python)
    result = evaluate(f"{name}({Decimal(value):.40f})").value
    assert math.isclose(float(result), in_python(value), rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("0.1 + 0.2", "0.3"),
        ("12.5 % of 3,400", "425"),
        ("3400 + 10%", "3740"),
        ("3400 - 10 %", "3060"),
        ("100 + 200 + 10%", "330"),
        ("5% + 3%", "0.08"),
        ("100 / 10%", "1000"),
        ("(3+4)%", "0.07"),
        ("20% of 50% of 80", "8"),
        ("17 % 5", "2"),
        ("-7 // 2", "-4"),
        ("-2^2", "-4"),
        ("2^3^2", "512"),
        ("2**-1", "0.5"),
        ("3² + 4²", "25"),
        ("0 * -1", "0"),
        ("sqrt(16)", "4"),
        ("max(1, 2, 3) - min(4, 5)", "-1"),
        ("abs(-3)", "3"),
        ("round(2.567, 2)", "2.57"),
        ("round(2.5)", "2"),
        ("round(10**40, 9)", "1" + "0" * 40),
        ("10**40 + 0.1", "1" + "0" * 40 + ".1"),
        ("5e3", "5000"),
        ("1e-9", "1E-9"),
    ],
)
def test_exact_results_are_written_in_full(text: str, result: str) -> None:
    number = evaluate(text)
    assert (str(number), number.exact) == (result, True)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1/3", "0.333333333333333"),
        ("2/3", "0.666666666666667"),
        ("pi", "3.14159265358979"),
        ("e", "2.71828182845905"),
        ("sqrt(2)**2", "2"),
        ("exp(1)", "2.71828182845905"),
        ("sin(pi)", "0"),
        ("cos(pi/2)", "0"),
        ("sin(pi/6)", "0.5"),
        ("tan(pi/4)", "1"),
        ("4*atan(1)", "3.14159265358979"),
        ("2**200", "1.60693804425899E+60"),
    ],
)
def test_other_results_are_written_to_15_digits(text: str, result: str) -> None:
    number = evaluate(text)
    assert (str(number), number.exact) == (result, False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1/0", "divides by zero"),
        ("0/0", "divides by zero"),
        ("5 // 0", "divides by zero"),
        ("5 % 0", "divides by zero"),
        ("0 ** -1", "divides by zero"),
        ("0 ** 0", "no result among the real numbers"),
        ("(-8) ** (1/3)", "no result among the real numbers"),
        ("sqrt(-1)", "no result among the real numbers"),
        ("asin(2)", "no result among the real numbers"),
        ("ln(0)", "ln has no value there"),
        ("tan(pi/2)", "tan has no value"),
        ("9**9**9", "exponent is beyond 10,000"),
        ("9**9**9**9**9", "exponent is beyond 10,000"),
        ("9**9999", "too large: over 1,000 digits"),
        ("exp(1e9)", "too large"),
        ("1e9999", "too large"),
        ("9**-9999", "too small"),
        ("10**60 % 7", "more than 50 digits"),
        ("sin(1e16)", "angle is too large"),
        ("round(1, 1.5)", "whole number of places"),
        ("round(1, 9999)", "whole number of places"),
        ("sqrt()", "sqrt takes 1 values, and here it has 0"),
        ("round(1, 2, 3)", "round takes 1 to 2 values"),
        ("sqrt", "a function needs its values in parentheses"),
        ("max(*3)", "not arithmetic"),
        ("sqrt(**3)", "not arithmetic"),
        ("-" * 900 + "1", "more than 150 steps deep"),
        ("1" + "+1" * (MAX_DEPTH + 1), "more than 150 steps deep"),
    ],
)
def test_what_has_no_result_says_why(text: str, why: str) -> None:
    with pytest.raises(CalculationError, match=why):
        evaluate(text)


@given(
    st.lists(
        st.sampled_from(
            ["9", "0", "1e999", "1e-999", ".5", "**", "*", "/", "//", "%", "-", "(", ")", ",", "pi", " "]
        )
        | st.sampled_from([f"{name}(" for name in FUNCTIONS]),
        max_size=25,
    ).map("".join)
)
def test_any_expression_has_a_finite_result_or_a_clear_error(text: str) -> None:
    try:
        number = evaluate(text)
    except CalculationError:
        return
    assert number.value.is_finite()
    assert len(str(number)) < 70
