"""Designations of several parts: where there is a "Tarn 12 Pro" and a "Tarn 6", a "Tarn 6 Pro" may not exist.

So it is with routes and matches: a "Nordvik-Ostra" and an "Ostra-Lund" make no "Nordvik-Lund".
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["lacks_designation"]

_DESIGNATION: Final = re.compile(r"\b(?P<name>[A-Z][\w-]*) (?P<number>\d{1,4}) (?P<kind>[A-Z][\w+-]*)")
_DASH: Final = r"\s?[-\u2013\u2014]\s?"
_CAPITAL: Final = r"(?=[^\W\d_a-z])[^\W\d_]{2,}"
_ROUTE: Final = re.compile(rf"(?<![\w-])({_CAPITAL}){_DASH}({_CAPITAL})(?![\w-])")


def lacks_designation(question: str, text: str) -> bool:
    """Return whether a question names a thing by parts that others have, and none of them together."""
    return _lacks_number(question, text) or _lacks_route(question, text)


def _lacks_number(question: str, text: str) -> bool:
    asked = question.casefold()
    pairs = {(found["name"].casefold(), found["kind"].casefold()) for found in _DESIGNATION.finditer(text)}
    return any(
        re.search(rf"\b{number} {re.escape(kind)}", text, re.IGNORECASE) is None
        for name, kind in pairs
        for number in re.findall(rf"\b{re.escape(name)} (\d{{1,4}}) {re.escape(kind)}(?!\w)", asked)
    )


def _lacks_route(question: str, text: str) -> bool:
    """Return whether both names of a pair stand in other pairs, and nowhere next to each other."""
    routes = {frozenset(map(str.casefold, found)) for found in _ROUTE.findall(text)}
    known = frozenset().union(*routes)
    asked = [frozenset(map(str.casefold, found)) for found in _ROUTE.findall(question)]
    return any(route <= known and route not in routes and not _are_near(route, text) for route in asked)


def _are_near(names: frozenset[str], text: str) -> bool:
    ordered = sorted(map(re.escape, names))
    either = (r"\W+(?:\w+\W+){0,2}".join(ordered), r"\W+(?:\w+\W+){0,2}".join(ordered[::-1]))
    return any(re.search(rf"\b{both}\b", text, re.IGNORECASE) for both in either)
