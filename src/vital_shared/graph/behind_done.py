"""Warn of code after ``yield Done(…)``: the node has ended there, so the code never runs."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

from vital_shared.graph.errors import PlanWarning
from vital_shared.graph.node import Done, place
from vital_shared.graph.plan import Plan

__all__ = ["warn_of_lines_behind_done"]

_BLOCKS: Final = ("body", "orelse", "finalbody")
_HARMLESS: Final = (ast.Return, ast.Break, ast.Continue, ast.Pass)
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def warn_of_lines_behind_done(cls: type, plan: Plan) -> None:
    """Warn of each streaming node of a class that has a statement behind one that yields its value."""
    names = {node.name for node in plan.nodes if not node.path}
    for name, function in vars(cls).items():
        if name not in names or not inspect.isasyncgenfunction(function):
            continue
        if Done.__name__ not in function.__code__.co_names:
            continue
        for line in _lines_behind(function):
            warnings.warn_explicit(
                f"node '{cls.__name__}.{name}' ({place(function)}) has a line behind yield Done(…), which "
                "ends the node: it never runs, so yield Done last, and clean up in try … finally",
                PlanWarning,
                function.__code__.co_filename,
                line,
            )


def _lines_behind(function: Callable[..., Any]) -> Iterator[int]:
    try:
        lines, first = inspect.getsourcelines(function)
        source = "".join(lines)
        is_indented = source[:1].isspace()
        tree = ast.parse(f"if True:\n{source}" if is_indented else source)
    except (OSError, SyntaxError):  # made without a file, or not as the file has it by now
        return
    for statement in _behind(_function(tree).body):
        yield first - 1 + statement.lineno - is_indented


def _function(tree: ast.Module) -> Any:
    return next(each for each in ast.walk(tree) if isinstance(each, ast.AsyncFunctionDef))


def _behind(block: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Return the statements right behind one that yields the value, in this block and those within it."""
    for statement, following in pairwise(block):
        if _yields_done(statement) and not isinstance(following, _HARMLESS):
            yield following
    for statement in block:
        if not isinstance(statement, _SCOPES):
            for inner in _blocks(statement):
                yield from _behind(inner)


def _blocks(statement: ast.AST) -> Iterator[list[ast.stmt]]:
    for name in _BLOCKS:
        if isinstance(block := getattr(statement, name, None), list):
            yield block
    for name in ("handlers", "cases"):
        for each in getattr(statement, name, ()):
            yield each.body


def _yields_done(statement: ast.stmt) -> bool:
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield)):
        return False
    made = statement.value.value
    if not isinstance(made, ast.Call):
        return False
    name = made.func.attr if isinstance(made.func, ast.Attribute) else getattr(made.func, "id", "")
    return name == Done.__name__
