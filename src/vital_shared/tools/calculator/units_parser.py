"""Reads quantities as people write them: ``70 kg``, ``5 ft 11 in``, ``2.5 mg/kg``, ``1/2 cup``.

A quantity is a number and a unit; a unit is one to eight of the known names with ``/``, ``*`` or ``per``
between them and whole exponents up to 9. Whatever else stands in an expression is read as arithmetic.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple

from vital_shared.tools.calculator.arithmetic import evaluate
from vital_shared.tools.calculator.arithmetic_functions import CalculationError
from vital_shared.tools.calculator.arithmetic_parser import MAX_LENGTH, Expression, parse
from vital_shared.tools.calculator.units_names import COMPOUNDS, SYMBOLS, WORDS, UnitName

__all__ = ["UNIT", "Term", "UnitExpression", "UnitTerm", "read_measured", "read_unit"]

_MAX_TERMS: Final = 8
_MAX_DENOMINATOR: Final = 64


class Term(NamedTuple):
    """One name of a unit, and its exponent."""

    unit: UnitName
    power: int


class UnitTerm(NamedTuple):
    """A number with its unit; several make one quantity, as in ``5 ft 11 in``."""

    number: Fraction
    exact: bool
    unit: tuple[Term, ...]


class UnitExpression(NamedTuple):
    """An expression with units."""

    text: str
    """The quantity as it was written, without the wish for another unit."""
    expression: Expression
    """Arithmetic in which names stand for the quantities."""
    quantities: dict[str, tuple[UnitTerm, ...]]
    target: tuple[Term, ...]
    """The unit of the result; empty: whichever comes out."""
    target_text: str


def _any_of(names: dict[str, UnitName]) -> str:
    """Match any of the names, the longest first; plurals with their singulars."""
    singulars = [name for name in names if not (name.endswith("s") and name[:-1] in names)]
    return "|".join(
        re.escape(name).replace(r"\ ", r"\s+") + ("s?" if f"{name}s" in names else "")
        for name in sorted(singulars, key=len, reverse=True)
    )


_AREA: Final = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_EXPONENTS: Final = {"²": 2, "³": 3}
_NAME = rf"(?:(?i:{_any_of(WORDS)})|{_any_of(SYMBOLS)})(?![A-Za-z(])"
_EXPONENT = r"(?:\s?(?:\^|\*\*)\s?-?[1-9]|[²³]|[23])?(?![0-9.])"
_TERM = rf"(?:(?i:square|cubic|sq|cu)\.?\s+)?{_NAME}{_EXPONENT}"
_BETWEEN = r"\s*(?:/|\*|·|⋅|(?<=\s)(?i:per)(?=\s))\s*"
UNIT: Final = rf"{_TERM}(?:{_BETWEEN}{_TERM}){{0,{_MAX_TERMS - 1}}}"
"""The pattern of a unit."""

_FRACTION = r"(?:(?P<whole>[0-9]+)\s+)?(?P<above>[0-9]+)/(?P<below>[0-9]+)"
_DECIMAL = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_UNKNOWN = re.compile(r"[^0-9\s.]\s+(?:in|into|to|as)\s+(?P<unit>[^\W\d].*?)\s*$", re.IGNORECASE | re.DOTALL)
_PLACE = re.compile(r"\bq[0-9]")


# Those with the names of all units are large: they are compiled when a text is first read.
@cache
def _quantity() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.,/])(?:{_FRACTION}|(?P<decimal>{_DECIMAL}))\s*-?(?P<unit>{UNIT})(?!\w)")


@cache
def _target() -> re.Pattern[str]:
    return re.compile(rf"\s+(?i:in|into|to|as)\s+(?P<target>{UNIT})\s*$")


@cache
def _piece() -> re.Pattern[str]:
    area = r"(?P<area>(?i:square|cubic|sq|cu)\b)?\.?\s*"
    return re.compile(rf"{area}(?P<name>{_NAME})(?P<exponent>{_EXPONENT})(?P<between>{_BETWEEN})?")


def read_measured(text: str) -> UnitExpression | None:
    """Read an expression with units; None where there is no quantity in it.

    :raises CalculationError: when there is one, and the rest cannot be read.
    """
    if len(text) > MAX_LENGTH:
        raise CalculationError(f"The expression is longer than {MAX_LENGTH:,} characters.")
    wish = _target().search(text)
    if not wish and (unknown := _UNKNOWN.search(text)):
        raise CalculationError(f'"{unknown["unit"][:40]}" is not a unit that is known here.')
    value = (text[: wish.start()] if wish else text).strip()
    found = list(_quantity().finditer(value))
    if not found:
        return None
    if _PLACE.search(value):
        raise CalculationError("This is not arithmetic: a name in it is not known.")
    quantities: dict[str, tuple[UnitTerm, ...]] = {}
    source, end = "", 0
    for match in found:
        between = value[end : match.start()]
        last = f"q{len(quantities) - 1}"
        if quantities and not between.strip(" ,") and _follows(quantities[last][-1], part := _part(match)):
            quantities[last] += (part,)
        else:
            name = f"q{len(quantities)}"
            quantities[name] = (_part(match),)
            source += f"{between} {name} "
        end = match.end()
    expression = parse(source + value[end:], names=quantities)
    target = wish["target"] if wish else ""
    return UnitExpression(value, expression, quantities, read_unit(target), target)


def read_unit(text: str) -> tuple[Term, ...]:
    """Read a unit that `UNIT` matches."""
    terms, sign = [], 1
    for piece in _piece().finditer(text):
        power = _power(piece["exponent"]) * _AREA.get((piece["area"] or "").lower(), 1)
        terms.append(Term(_unit(piece["name"]), sign * power))
        sign = -1 if (piece["between"] or "").strip().lower() in ("/", "per") else 1
    return tuple(terms)


def _power(text: str) -> int:
    text = text.strip(" ^*")
    return _EXPONENTS.get(text) or int(text or 1)


def _unit(text: str) -> UnitName:
    name = " ".join(text.split())
    return SYMBOLS.get(name) or WORDS[name.lower()]


def _part(match: re.Match[str]) -> UnitTerm:
    unit = read_unit(match["unit"])
    if match["above"] is None:
        number = evaluate(match["decimal"])
        return UnitTerm(Fraction(number.value), number.exact, unit)
    whole, above, below = (int(match[each] or 0) for each in ("whole", "above", "below"))
    if not above < below <= _MAX_DENOMINATOR:
        written = f"{above}/{below}"[:20]
        raise CalculationError(
            f'"{written}" may be a pair of values or a quotient: put spaces around the slash for a quotient.'
        )
    return UnitTerm(whole + Fraction(above, below), True, unit)


def _follows(before: UnitTerm, part: UnitTerm) -> bool:
    """Return whether two quantities side by side are one, as feet and inches are."""
    if len(before.unit) > 1 or len(part.unit) > 1 or {before.unit[0].power, part.unit[0].power} != {1}:
        return False
    return (before.unit[0].unit.name, part.unit[0].unit.name) in COMPOUNDS
