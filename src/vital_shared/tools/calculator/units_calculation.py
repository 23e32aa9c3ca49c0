"""One calculation with quantities, from the tree of an expression to the text of its result."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any, Final

from vital_shared.tools.calculator.arithmetic import MAX_DEPTH, MAX_MAGNITUDE, evaluate_tree, from_fraction
from vital_shared.tools.calculator.arithmetic_functions import CalculationError
from vital_shared.tools.calculator.arithmetic_parser import Expression, is_percentage
from vital_shared.tools.calculator.units_messages import TEMPERATURES, mismatch, notes, symbols
from vital_shared.tools.calculator.units_names import UnitName
from vital_shared.tools.calculator.units_parser import Term, UnitExpression, UnitTerm

__all__ = ["Calculation", "Mismatch"]

_MAX_POWER: Final = 9
_MAX_BITS: Final = 20_000
"""Bits of a numerator or denominator, at most; 10 to the power of `MAX_MAGNITUDE` has 3,322."""


@cache
def _registry() -> Any:
    """Load pint and its units: 0.4 s, so only where somebody calculates with units."""
    from pint import UnitRegistry  # noqa: PLC0415 - see above

    return UnitRegistry(non_int_type=Fraction)


class Mismatch(CalculationError):
    """The units do not fit each other."""


class Calculation:
    """One way to read an expression's units.

    :param fluid: whether an ounce is a volume.
    """

    def __init__(self, measured: UnitExpression, *, fluid: bool) -> None:
        self._measured, self._fluid = measured, fluid
        self._exact = True
        self._source = measured.expression.source

    def result(self) -> str:
        measured = self._measured
        tree = measured.expression.tree
        if isinstance(tree, ast.Name) and not measured.target:
            raise CalculationError(f'Name the unit that "{measured.text}" is wanted in, as in "70 kg in lb".')
        value = self._value(tree, 0)
        unit = measured.target_text
        if measured.target:
            value = self._converted(value)
        elif _is_quantity(value):
            unit = symbols(value.unit_items())
        number = from_fraction(_magnitude(value), exact=self._exact)
        sign = "=" if number.exact else "≈"
        said = notes(self._names())
        return f"{measured.text} {sign} {number} {unit}".rstrip() + (f" (taking {said})" if said else "")

    def _converted(self, value: Any) -> Any:
        if not _is_quantity(value):
            raise CalculationError(f'"{self._measured.text}" has no unit from which to convert.')
        target = self._unit(self._measured.target)
        return self._checked(lambda: value.to(target), value, target)

    def _value(self, node: ast.expr, depth: int) -> Any:
        """Calculate a node: a fraction, or a pint quantity of one."""
        if depth > MAX_DEPTH:
            raise CalculationError(f"The expression is more than {MAX_DEPTH} steps deep: split it.")
        quantities = self._measured.quantities
        if not any(isinstance(each, ast.Name) and each.id in quantities for each in ast.walk(node)):
            number = evaluate_tree(Expression(node, self._source))
            self._exact &= number.exact
            return Fraction(number.value)
        match node:
            case ast.Name(id=name):
                return self._quantity(quantities[name])
            case ast.UnaryOp(op=ast.UAdd() | ast.USub() as op, operand=operand):
                value = self._value(operand, depth + 1)
                return -value if isinstance(op, ast.USub) else value
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
                first, second = self._value(left, depth + 1), self._value(right, depth + 1)
                if isinstance(op, ast.Add | ast.Sub) and is_percentage(right):
                    second = first * second
                return self._operation(op, first, second)
        raise CalculationError("With units only + - * / and whole powers can be calculated.")

    def _operation(self, op: ast.operator, first: Any, second: Any) -> Any:
        if isinstance(op, ast.Pow):
            second = _exponent(second)
        elif isinstance(op, ast.Mult):
            second = self._cancelling(first, second)
        elif isinstance(op, ast.Add | ast.Sub) and not (_is_quantity(first) and _is_quantity(second)):
            raise CalculationError(
                "A number without a unit cannot be added to one with a unit, or taken from it."
            )
        return _bounded(self._checked(lambda: _OPERATIONS[type(op)](first, second), first, second))

    def _checked(self, calculate: Callable[[], Any], first: Any, second: Any) -> Any:
        from pint.errors import DimensionalityError, OffsetUnitCalculusError  # noqa: PLC0415 - loaded by now

        try:
            return calculate()
        except DimensionalityError as error:
            raise Mismatch(mismatch(first, second)) from error
        except OffsetUnitCalculusError as error:
            raise CalculationError(TEMPERATURES) from error
        except ZeroDivisionError as error:
            raise CalculationError("This divides by zero.") from error

    def _quantity(self, parts: tuple[UnitTerm, ...]) -> Any:
        self._exact &= all(part.exact for part in parts)
        quantity = _registry().Quantity
        first, *others = (quantity(part.number, self._unit(part.unit)) for part in parts)
        for other in others:
            first += other
        return first

    def _unit(self, terms: tuple[Term, ...]) -> Any:
        unit = _registry().Unit("")
        for term in terms:
            unit *= _registry().Unit(self._name(term.unit)) ** term.power
        return unit

    def _name(self, unit: UnitName) -> str:
        return unit.otherwise.name if unit.otherwise and self._fluid else unit.name

    def _names(self) -> list[UnitName]:
        """All names that were read, as they were understood."""
        units = [part.unit for parts in self._measured.quantities.values() for part in parts]
        return [
            term.unit.otherwise if term.unit.otherwise and self._fluid else term.unit
            for terms in (*units, self._measured.target)
            for term in terms
        ]

    def _cancelling(self, first: Any, second: Any) -> Any:
        """Convert what the second quantity would cancel of the first one: lb in ``2 mg/kg * 154 lb``."""
        if not (_is_quantity(first) and _is_quantity(second)):
            return second
        dimensions = _registry().get_dimensionality
        wanted = _registry().Unit("")
        for name, power in second.unit_items():
            same = (
                other
                for other, its in first.unit_items()
                if power * its < 0 and dimensions(other) == dimensions(name)
            )
            wanted *= _registry().Unit(next(same, name)) ** power
        return self._checked(lambda: second.to(wanted), second, wanted)


def _is_quantity(value: Any) -> bool:
    return not isinstance(value, Fraction)


def _magnitude(value: Any) -> Fraction:
    magnitude: Fraction = Fraction(value.magnitude if _is_quantity(value) else value)
    return magnitude


def _exponent(value: Any) -> int:
    if _is_quantity(value) or value.denominator != 1 or abs(value) > _MAX_POWER:
        raise CalculationError(f"A quantity can be raised to whole powers up to {_MAX_POWER} only.")
    return int(value)


def _bounded(value: Any) -> Any:
    magnitude = _magnitude(value)
    if max(magnitude.numerator.bit_length(), magnitude.denominator.bit_length()) > _MAX_BITS:
        raise CalculationError(f"The result goes far beyond {MAX_MAGNITUDE:,} digits.")
    return value


_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
