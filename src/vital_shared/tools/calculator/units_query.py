"""Distinguish a calculation with units in a question from the many quantities there that are none."""

from __future__ import annotations

import ast
import re
from functools import cache

from vital_shared.tools.calculator.arithmetic_functions import CalculationError
from vital_shared.tools.calculator.units_names import UnitName
from vital_shared.tools.calculator.units_parser import UNIT, Term, UnitExpression, read_measured

__all__ = ["measured_in"]

_CONVERT = re.compile(r"\b(?i:convert|change)\s+(?P<wish>.+)$")
_ENDING = re.compile(r"\s*(?:,?\s*please\b)?[\s=?.!]*$", re.IGNORECASE)


@cache  # large, and compiled when a question is first read
def _how_many() -> re.Pattern[str]:
    return re.compile(
        rf"\b(?i:how (?:many|much))\s+(?P<unit>{UNIT})\s+"
        r"(?i:(?:are|is|make|makes|equals?|in)\s+)?(?i:there\s+)?(?i:in\s+)?(?P<value>.*[0-9].*)$"
    )


def measured_in(sentence: str, expression: str, *, ordered: bool) -> str | None:
    """Take an expression with units from a sentence: ``70 kg in lb`` for "How many lb are 70 kg?".

    :param expression: the rest of the sentence behind "what is", "calculate" and the like; it has to be
        a conversion or a sum from end to end.
    :param ordered: whether a calculation is ordered; a bare difference is a range unless it is.
    """
    sentence = _ENDING.sub("", sentence)
    if convert := _CONVERT.search(sentence):
        expression = convert["wish"]
    elif how_many := _how_many().search(sentence):
        expression = f"{how_many['value']} in {how_many['unit']}"
    return expression if _is_wanted(expression, ordered=ordered) else None


def _is_wanted(expression: str, *, ordered: bool) -> bool:
    try:
        measured = read_measured(expression)
    except CalculationError:
        return False
    if measured is None:
        return False
    operations = [node.op for node in ast.walk(measured.expression.tree) if isinstance(node, ast.BinOp)]
    if measured.target:
        return bool(operations) or _converts(measured)
    if all(isinstance(each, ast.Sub) for each in operations):
        return bool(operations) and ordered
    return True


def _converts(measured: UnitExpression) -> bool:
    """Return whether one quantity is wanted in another unit of the same kind, as far as names show."""
    first = next(iter(measured.quantities.values()))[0].unit
    return first != measured.target and (
        len(first) > 1 or len(measured.target) > 1 or bool(_kinds(first[0]) & _kinds(measured.target[0]))
    )


def _kinds(term: Term) -> set[tuple[str, int]]:
    """Name what a single unit may measure; a power of a length is an area or a volume."""
    named: list[UnitName] = [term.unit, *([term.unit.otherwise] if term.unit.otherwise else ())]
    powers = {("area", 1): ("length", 2), ("volume", 1): ("length", 3)}
    kinds = {(unit.kind, term.power) for unit in named}
    return {powers.get(kind, kind) for kind in kinds}
