"""Name the parameter that a call lacks, or the one that was probably meant, instead of Python's TypeError."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from vital_shared.graph.errors import PlanError

__all__ = ["called_in_words", "check_names"]

P = ParamSpec("P")
T = TypeVar("T")

_ANY_NUMBER: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
"""The kinds of parameters that take any number of arguments."""


def called_in_words(title: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function raise a `PlanError` when it is called without what it needs.

    :param title: the function's name in a message.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @wraps(function)
        def call(*arguments: P.args, **options: P.kwargs) -> T:
            try:
                signature.bind(*arguments, **options)
            except TypeError as error:
                check_names(title, signature, len(arguments), options)
                raise PlanError(f"{title} cannot be called so: {error}") from error
            return function(*arguments, **options)

        return call

    return decorate


def check_names(title: str, signature: inspect.Signature, places: int, options: Mapping[str, Any]) -> None:
    """Check the names of a call's arguments.

    :param places: the number of arguments without a name.
    :raises PlanError: when one is unknown or missing.
    """
    named = [each for each in signature.parameters.values() if each.kind not in _ANY_NUMBER]
    positional = [each for each in named if each.kind is not each.KEYWORD_ONLY][:places]
    given = {each.name for each in positional} | set(options)
    missing = [each.name for each in named if each.default is each.empty and each.name not in given]
    names = [each.name for each in named if each.kind is not each.POSITIONAL_ONLY]
    takes_any = any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values())
    for name in options:
        if name not in names:
            close = difflib.get_close_matches(name, missing if takes_any else names, n=1)
            if close or not takes_any:
                hint = f"did you mean '{close[0]}'?" if close else f"it takes {', '.join(names)}"
                raise PlanError(f"{title} has no option '{name}': {hint}")
    if missing:
        raise PlanError(f"{title} is called without '{missing[0]}': write {missing[0]}=…")
