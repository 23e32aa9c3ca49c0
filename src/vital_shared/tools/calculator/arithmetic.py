"""Arithmetic: exact where it can be, bounded everywhere.

A ``%`` behind a value is a percentage, and in front of one it is Python's remainder. ``3400 + 10 %`` adds
ten per cent of 3400, as a pocket calculator does. Everything else means what it means in Python.
"""

from __future__ import annotations

import ast
import decimal
import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from vital_shared.tools.calculator.arithmetic_functions import CONSTANTS, FUNCTIONS, CalculationError
from vital_shared.tools.calculator.arithmetic_parser import Expression, is_percentage, parse

__all__ = [
    "MAX_DEPTH",
    "MAX_EXPONENT",
    "MAX_MAGNITUDE",
    "PRECISION",
    "Number",
    "evaluate",
    "evaluate_tree",
    "from_fraction",
]

PRECISION = 50
"""Significant digits that are carried."""

MAX_MAGNITUDE = 1_000
"""Results from 10 to the power of this on, or below its inverse, are refused."""

MAX_EXPONENT = 10_000
"""The largest exponent of a power, positive or negative."""

MAX_DEPTH = 150
"""The maximum depth of the tree, far from Python's own limit; a sum of n numbers is n - 1 deep."""

_SHOWN_DIGITS = 15
"""Significant digits that are shown of a result that is not exact."""

_CONTEXT = decimal.Context(
    prec=PRECISION,
    rounding=decimal.ROUND_HALF_EVEN,
    Emax=MAX_MAGNITUDE - 1,
    Emin=1 - MAX_MAGNITUDE,
    flags=[],
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.Underflow],
)


class Number(NamedTuple):
    """A result."""

    value: Decimal
    exact: bool
    """False where digits were rounded away on the way to it."""

    def __str__(self) -> str:
        digits, longest = (PRECISION, PRECISION) if self.exact else (_SHOWN_DIGITS, 21)
        context = decimal.Context(prec=digits)
        value = context.normalize(self.value)
        if not value:
            return "0"
        return f"{value:f}" if -7 <= value.adjusted() < longest else str(value)


def evaluate(text: str) -> Number:
    """Calculate.

    :raises CalculationError: when the expression cannot be read, has no result, or goes beyond a bound.
    """
    return evaluate_tree(parse(text))


def evaluate_tree(expression: Expression) -> Number:
    """Calculate what was read already.

    :raises CalculationError: when the expression has no result, or goes beyond a bound.
    """
    return _bounded(lambda: _value(expression.tree, expression.source, 0))


def from_fraction(value: Fraction, *, exact: bool) -> Number:
    """Write a fraction as a decimal number.

    :param exact: False where the fraction is itself rounded.
    :raises CalculationError: when it goes beyond a bound.
    """
    number = _bounded(lambda: Decimal(value.numerator) / Decimal(value.denominator))
    return Number(number.value, exact=exact and number.exact)


def _bounded(calculate: Callable[[], Decimal]) -> Number:
    with decimal.localcontext(_CONTEXT) as context:
        try:
            value = calculate()
        except decimal.Overflow as error:
            raise CalculationError(f"The result is too large: over {MAX_MAGNITUDE:,} digits.") from error
        except decimal.Underflow as error:
            raise CalculationError(f"The result is too small: over {MAX_MAGNITUDE:,} zeros.") from error
        except (decimal.InvalidOperation, ValueError) as error:
            raise CalculationError(
                f"This has no result among the real numbers, or one that takes more than {PRECISION} digits."
            ) from error
        return Number(value, exact=not context.flags[decimal.Inexact])


def _value(node: ast.expr, source: str, depth: int) -> Decimal:
    """Calculate a node; a kind of node that is not listed here has no value."""
    if depth > MAX_DEPTH:
        raise CalculationError(f"The expression is more than {MAX_DEPTH} steps deep: split it.")
    match node:
        case ast.Constant():
            # Its digits as they were written, since the parser's float has only 17 of them.
            return decimal.getcontext().create_decimal(source[node.col_offset : node.end_col_offset])
        case ast.Name(id=name) if name in CONSTANTS:
            return +CONSTANTS[name]
        case ast.Attribute(value=whole):
            return _value(whole, source, depth + 1) / 100
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() as op, operand=operand):
            value = _value(operand, source, depth + 1)
            return -value if isinstance(op, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            first, second = _value(left, source, depth + 1), _value(right, source, depth + 1)
            if isinstance(op, ast.Add | ast.Sub) and is_percentage(right) and not is_percentage(left):
                second *= first
            return _OPERATIONS[type(op)](first, second)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _call(name, [_value(each, source, depth + 1) for each in args])
    raise CalculationError("The expression is not arithmetic: a function needs its values in parentheses.")


def _call(name: str, values: list[Decimal]) -> Decimal:
    function = FUNCTIONS[name]
    if not function.least <= len(values) <= function.most:
        takes = f"{function.least} to {function.most}" if function.most > function.least else function.least
        raise CalculationError(f"{name} takes {takes} values, and here it has {len(values)}.")
    result = function.call(*values)
    if not result.is_finite():  # ln(0) is minus infinity, without a signal
        raise CalculationError(f"{name} has no value there.")
    return result


def _divide(left: Decimal, right: Decimal) -> Decimal:
    return left / _divisor(right)


def _floor_divide(left: Decimal, right: Decimal) -> Decimal:
    """Round down, as Python's integers do, where `decimal` rounds towards zero."""
    quotient = left // _divisor(right)
    return quotient - 1 if left % right and (left < 0) != (right < 0) else quotient


def _remainder(left: Decimal, right: Decimal) -> Decimal:
    """Give it the sign of the divisor, as Python's integers do."""
    rest = left % _divisor(right)
    return rest + right if rest and (rest < 0) != (right < 0) else rest


def _divisor(value: Decimal) -> Decimal:
    if not value:
        raise CalculationError("This divides by zero.")
    return value


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > MAX_EXPONENT:
        raise CalculationError(f"The exponent is beyond {MAX_EXPONENT:,}: the result would be too large.")
    if exponent < 0:
        _divisor(base)
    return base**exponent


_OPERATIONS: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
    ast.FloorDiv: _floor_divide,
    ast.Mod: _remainder,
    ast.Pow: _power,
}
