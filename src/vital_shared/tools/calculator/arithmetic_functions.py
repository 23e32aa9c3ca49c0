"""The constants and functions that the calculator knows, in `decimal`.

All work in the current decimal context: it sets their precision, and its `Inexact` flag shows afterwards
whether a result is exact.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from vital_shared.tools.base import ToolError

__all__ = ["CONSTANTS", "FUNCTIONS", "CalculationError", "Function"]

_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")

CONSTANTS = {
    "pi": _PI,
    "e": Decimal("2.71828182845904523536028747135266249775724709369995957496696763"),
}
"""Constants with more digits than are carried, so that rounding them marks the result as inexact."""

_MAX_ANGLE = Decimal("1e15")
_MAX_PLACES = 50


class CalculationError(ToolError):
    """The expression cannot be read or has no result; the message says why."""


class Function(NamedTuple):
    """A function of numbers, and how many it takes."""

    call: Callable[..., Decimal]
    least: int = 1
    most: int = 1


def _inexact(value: float) -> Decimal:
    decimal.getcontext().flags[decimal.Inexact] = True
    return Decimal(repr(value))


def _round(value: Decimal, places: Decimal = Decimal(0)) -> Decimal:
    """Round half to even, as Python does; negative places round to tens, hundreds and so on."""
    if places != places.to_integral_value() or abs(places) > _MAX_PLACES:
        raise CalculationError(f"round takes a whole number of places, at most {_MAX_PLACES}.")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -places:
        return value
    return value.scaleb(places).to_integral_value(decimal.ROUND_HALF_EVEN).scaleb(-places)


def _angle(value: Decimal) -> float:
    """Take away whole turns with all digits, before a float has only 17 of them."""
    if abs(value) > _MAX_ANGLE:
        raise CalculationError("The angle is too large: take away whole turns of 2*pi first.")
    return float(value % (2 * _PI))


def _periodic(function: Callable[[float], float]) -> Function:
    def call(value: Decimal) -> Decimal:
        angle = _angle(value)
        result = function(angle)
        # Near a zero away from 0 only the first 15 decimals of a float mean something: sin(pi) is 0.
        return _inexact(result if abs(angle) <= 1 else round(result, 15))

    return Function(call)


def _tangent(angle: float) -> float:
    if abs(math.cos(angle)) < 1e-15:
        raise CalculationError("tan has no value at this angle.")
    return math.tan(angle)


def _inverse(function: Callable[[float], float]) -> Function:
    return Function(lambda value: _inexact(function(float(value))))


FUNCTIONS = {
    "sqrt": Function(Decimal.sqrt),
    "exp": Function(Decimal.exp),
    "ln": Function(Decimal.ln),
    "log10": Function(Decimal.log10),
    "sin": _periodic(math.sin),
    "cos": _periodic(math.cos),
    "tan": _periodic(_tangent),
    "asin": _inverse(math.asin),
    "acos": _inverse(math.acos),
    "atan": _inverse(math.atan),
    "abs": Function(abs),
    "round": Function(_round, 1, 2),
    "min": Function(min, 1, 100),
    "max": Function(max, 1, 100),
}
"""Angles are in radians. No ``log``: it means ``ln`` to some and ``log10`` to others."""
