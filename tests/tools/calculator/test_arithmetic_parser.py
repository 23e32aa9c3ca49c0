from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.tools.calculator.arithmetic_functions import CalculationError
from vital_shared.tools.calculator.arithmetic_parser import MAX_LENGTH, MAX_NESTING, is_percentage, parse

_TREE = (ast.Constant, ast.Name, ast.Attribute, ast.UnaryOp, ast.BinOp, ast.Call, ast.Starred, ast.keyword)
_LEAVES = (ast.operator, ast.unaryop, ast.expr_context)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("12.5 % of 3,400", "12.5 .percent * 3400"),
        ("17 % 5", "17 % 5"),
        ("6÷2×3−1", "6 / 2 * 3 - 1"),  # noqa: RUF001  # the signs under test
        ("2^3²", "2 ** 3 **2"),
        ("max(1, 2,3)", "max ( 1 , 2 , 3 )"),
        ("1,234,567.89", "1234567.89"),
    ],
)
def test_what_people_write_becomes_what_python_reads(text: str, source: str) -> None:
    assert parse(text).source == source


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__[0].__subclasses__()",
        "10 .real",
        "e.percent",
        "lambda: 1",
        "[x for x in (1,)]",
        "1 if 1 else 2",
        "1 < 2",
        "x := 5",
        "f'{1}'",
        "open('/etc/passwd')",
        "exec",
        "True",
        "1_000",
        "0x10",
        "5j",
        "1;2",
        "1\0+2",
        "1 # 2",
        "5!",
        "5!!!!!!!!",
        "٣+1",
        "\ud800",
    ],
)
def test_whatever_is_not_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(CalculationError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not complete"),
        ("3 +", "not complete"),
        ("05", "not complete"),
        ("1 2", "not complete"),
        ("2(3)", 'Between "2" and "\\(" an operator is missing'),
        ("(2)(3)", 'Between "\\)" and "\\(" an operator is missing'),
        ("510(k)", "an operator is missing"),
        ("3,5", "A comma is in the wrong place"),
        ("1,200,30", "A comma is in the wrong place"),
        ("max(1,200)", '"1,200" may be one number or several'),
        ("max(3,400,1)", '"3,400" may be one number or several'),
        ("log(10)", '"log" is not known here; the names are: sqrt, .*ln, log10'),
        ("3 of 4", '"of" is not known here'),
        ("1" * (MAX_LENGTH + 1), "longer than 1,000 characters"),
        ("(" * (MAX_NESTING + 1) + "1", "More than 50 parentheses"),
        ("2 + ()", "nothing between two parentheses"),
        ("2 + £5", 'from "£5" on'),
    ],
)
def test_an_error_says_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(CalculationError, match=why):
        parse(text)


@given(st.text(max_size=60) | st.text(alphabet="0123456789.,+-*/%^()esqrtpi of÷²", max_size=60))
def test_any_text_gives_arithmetic_or_a_clear_error(text: str) -> None:
    try:
        tree = parse(text).tree
    except CalculationError:
        return
    assert all(isinstance(node, _TREE + _LEAVES) for node in ast.walk(tree))
    assert all(node.attr == "percent" for node in ast.walk(tree) if isinstance(node, ast.Attribute))


@pytest.mark.parametrize(
    ("text", "expected"), [("5%", True), ("5% + 3% - 1%", True), ("5% + 3", False), ("5", False)]
)
def test_percentages_are_reported_from_numbers(text: str, expected: bool) -> None:
    assert is_percentage(parse(text).tree) is expected
