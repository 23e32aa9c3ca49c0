"""The calculator, and the distinction of a sum in a question from the many numbers there that are none."""

from __future__ import annotations

import ast
import asyncio
import re
from typing import Annotated, Any

from pydantic import Field

from vital_shared.tools.base import tool
from vital_shared.tools.calculator.arithmetic import evaluate
from vital_shared.tools.calculator.arithmetic_functions import CalculationError
from vital_shared.tools.calculator.arithmetic_parser import MAX_LENGTH, parse
from vital_shared.tools.calculator.units import measure
from vital_shared.tools.calculator.units_parser import read_measured
from vital_shared.tools.calculator.units_query import measured_in
from vital_shared.tools.question import short_sentences

__all__ = ["calculator", "expression_in"]

_ASKS = re.compile(
    r"\b(?P<order>calculate|compute|evaluate|work out|how much (?:is|are))\b\s*:?"
    r"|\b(?:what is|what's|what are|what’s)\b",  # noqa: RUF001  # telephones write the curly apostrophe
    re.IGNORECASE,
)
_OPENING = re.compile(r"\s*(?:please\b|the (?:result|value) of\b)?\s*", re.IGNORECASE)
_ENDING = re.compile(r"\s*(?:,?\s*please\b)?[\s=?.]*$", re.IGNORECASE)
_WORDS = (
    (re.compile(r"\b(?:the )?square root of ([0-9.]+)", re.IGNORECASE), r"sqrt(\1)"),
    (re.compile(r"\b(?:times|multiplied by)\b", re.IGNORECASE), " * "),
    (re.compile(r"\bdivided by\b", re.IGNORECASE), " / "),
    (re.compile(r"\bto the power of\b", re.IGNORECASE), " ^ "),
    (re.compile(r"\bplus\b", re.IGNORECASE), " + "),
    (re.compile(r"\bminus\b", re.IGNORECASE), " - "),
    (re.compile(r"\b(?:percent|per cent)\b", re.IGNORECASE), "%"),
    (re.compile(r"(?<=[0-9]) x (?=[0-9])", re.IGNORECASE), " * "),
)
_ANY_WORD = re.compile(r"root of|times|by\b|power of|plus|minus|cent|[0-9] x ", re.IGNORECASE)
"""A part of each of them: most sentences have none, and are read once instead of once for each."""
_TIGHT = re.compile(r"\S[-/]|[-/]\S")


def expression_in(query: str) -> dict[str, Any] | None:
    """Take the calculator's arguments from a question: the first sum or conversion that it asks for.

    The question, or a sentence of it behind "what is", "calculate" and the like, has to be a sum from end
    to end. Bare differences and quotients without spaces (2017/745, 60601-1, 555-1234) are names of
    regulations and standards, dates and telephone numbers unless the question orders a calculation.
    """
    for sentence in short_sentences(query):
        asked = max(_ASKS.finditer(sentence), key=lambda match: match.start(), default=None)
        text = sentence[asked.end() :] if asked else sentence
        expression = _spell(text)
        if _is_sum(expression, ordered=bool(asked and asked["order"])):
            return {"expression": expression}
        measured = measured_in(sentence, expression, ordered=bool(asked and asked["order"]))
        if measured is not None:
            return {"expression": measured}
    return None


def _spell(text: str) -> str:
    """Write the words for operators as operators."""
    text = _ENDING.sub("", _OPENING.sub("", text, count=1))
    if _ANY_WORD.search(text):
        for pattern, symbol in _WORDS:
            text = pattern.sub(symbol, text)
    return " ".join(text.split())


def _is_sum(expression: str, *, ordered: bool) -> bool:
    try:
        tree = parse(expression).tree
    except CalculationError:
        return False
    nodes = list(ast.walk(tree))
    if any(isinstance(node, ast.Call) for node in nodes):
        return True
    operations = [node.op for node in nodes if isinstance(node, ast.BinOp)]
    if all(isinstance(each, ast.Sub | ast.Div) for each in operations):
        return bool(operations) and (ordered or not _TIGHT.search(expression))
    return True


@tool(timeout_seconds=5, read_only=True, from_query=expression_in)
async def calculator(
    expression: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_LENGTH,
            description='For example "12.5 % of 3,400", "sqrt(2)*3", "5 ft 11 in in cm", "2 mg/kg * 70 kg".',
        ),
    ],
) -> str:
    """Calculate a number, or convert units, exactly or to 15 digits.

    Operators + - * / // % **, parentheses, percentages ("12.5 % of 3400", "3400 + 10 %"), the functions
    sqrt, exp, ln, log10, sin, cos, tan, asin, acos, atan (in radians), abs, round (half to even), min
    and max, and the constants pi and e. Quantities have their unit behind the number ("70 kg", "2.5 mg/kg",
    "98.6 °F"); "in" or "to" and a unit at the end converts the result.
    """
    measured = read_measured(expression)
    if measured is not None:
        return await asyncio.to_thread(measure, measured)
    number = evaluate(expression)
    return f"{expression} {'=' if number.exact else '≈'} {number}"
