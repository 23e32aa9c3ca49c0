"""Reads arithmetic as people write it, and makes a tree of it with Python's own parser.

Nothing but numbers, operators and the listed names gets as far as the parser, which only reads: nothing
is ever compiled or run. ``12.5 % of 3,400`` becomes ``12.5 .percent * 3400``: an attribute, because nothing
else in Python binds as tightly behind a value.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import NamedTuple

from vital_shared.tools.calculator.arithmetic_functions import CONSTANTS, FUNCTIONS, CalculationError

__all__ = ["MAX_LENGTH", "MAX_NESTING", "Expression", "is_percentage", "parse"]

MAX_LENGTH = 1_000
"""Characters of an expression."""

MAX_NESTING = 50
"""Parentheses that are open at the same time."""

_THOUSANDS = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9A-Za-z_.])"
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z_.])"
_TOKEN = re.compile(
    rf"(?P<thousands>{_THOUSANDS})|(?P<number>{_NUMBER})|(?P<name>[A-Za-z][A-Za-z0-9]*)"
    r"|(?P<operator>\*\*|//|[-+*/%^²³(),×·⋅÷−])"  # noqa: RUF001  # people write these
)
_SPELLING = {
    "^": "**",
    "²": "**2",
    "³": "**3",
    "×": "*",  # noqa: RUF001  # the multiplication sign
    "·": "*",
    "⋅": "*",
    "÷": "/",
    "−": "-",  # noqa: RUF001  # the minus sign
    "of": "*",
}
_PERCENT = ".percent"
_BEGINS_VALUE = re.compile(r"\s*(?:[0-9.(]|(?!of\b)[A-Za-z])")


class Expression(NamedTuple):
    """A tree, and the text that its positions point into."""

    tree: ast.expr
    source: str


def parse(text: str, *, names: Collection[str] = ()) -> Expression:
    """Read an expression without calculating it.

    :param names: more names that may stand in it.
    :raises CalculationError: when it is not arithmetic, saying where or why.
    """
    if len(text) > MAX_LENGTH:
        raise CalculationError(f"The expression is longer than {MAX_LENGTH:,} characters.")
    source = " ".join(_ExpressionReader(text, names).read())
    try:
        return Expression(ast.parse(source, mode="eval").body, source)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise CalculationError("This is not complete arithmetic: check operators and parentheses.") from error


def is_percentage(node: ast.expr) -> bool:
    """Return whether a tree is a percentage, or a sum or difference of nothing else."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        if not is_percentage(node.right):
            return False
        node = node.left
    return isinstance(node, ast.Attribute)


class _ExpressionReader:
    """A writer of an expression with Python's operators, token by token."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        self._text = text
        self._names = names
        self._position = 0
        self._written: list[str] = []
        self._in_call = [False]
        """Whether each open parenthesis is a function's; below them the expression itself."""

    def read(self) -> list[str]:
        while rest := self._text[self._position :].lstrip():
            self._position = len(self._text) - len(rest)
            token = _TOKEN.match(self._text, self._position)
            if token is None:
                raise CalculationError(f'This is not arithmetic from "{rest[:20]}" on.')
            self._position = token.end()
            self._written.append(self._write(token.lastgroup or "", token.group()))
        return self._written

    def _write(self, kind: str, text: str) -> str:
        match kind, text:
            case "name", _:
                self._check_name(text)
            case "thousands", _:
                return self._without_commas(text)
            case _, "%" if not _BEGINS_VALUE.match(self._text, self._position):
                return _PERCENT
            case _, "(":
                self._open()
            case _, ")" if len(self._in_call) > 1:
                if not self._in_call.pop() and self._written[-1] == "(":
                    raise CalculationError("There is nothing between two parentheses.")
            case _, "," if not self._in_call[-1]:
                raise CalculationError('A comma is in the wrong place: write "3.5", and "1,200" or "1200".')
        return _SPELLING.get(text, text)

    def _open(self) -> None:
        before = self._written[-1] if self._written else ""
        if before == ")" or before in CONSTANTS or before[:1].isdigit():
            raise CalculationError(f'Between "{before}" and "(" an operator is missing.')
        if len(self._in_call) > MAX_NESTING:
            raise CalculationError(f"More than {MAX_NESTING} parentheses are nested.")
        self._in_call.append(before in FUNCTIONS)

    def _check_name(self, name: str) -> None:
        if name == "of" and self._written[-1:] == [_PERCENT]:
            return
        if name not in FUNCTIONS and name not in CONSTANTS and name not in self._names:
            known = ", ".join((*FUNCTIONS, *CONSTANTS))
            raise CalculationError(f'"{name[:20]}" is not known here; the names are: {known}.')

    def _without_commas(self, text: str) -> str:
        if self._in_call[-1]:
            raise CalculationError(
                f'"{text[:20]}" may be one number or several within a function: '
                "leave out its commas, or put spaces behind them."
            )
        return text.replace(",", "")
