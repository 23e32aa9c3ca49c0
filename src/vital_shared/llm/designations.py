"""Designations with a number in them: where there is a "Tarn 12 Pro", a "Tarn 6 Pro" may not exist."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["lacks_designation"]

_DESIGNATION: Final = re.compile(r"\b(?P<name>[A-Z][\w-]*) (?P<number>\d{1,4}) (?P<kind>[A-Z][\w+-]*)")


def lacks_designation(question: str, text: str) -> bool:
    """Return whether a question names a thing as a text names others, by a number that none of them has."""
    asked = question.casefold()
    pairs = {(found["name"].casefold(), found["kind"].casefold()) for found in _DESIGNATION.finditer(text)}
    return any(
        re.search(rf"\b{number} {re.escape(kind)}", text, re.IGNORECASE) is None
        for name, kind in pairs
        for number in re.findall(rf"\b{re.escape(name)} (\d{{1,4}}) {re.escape(kind)}(?!\w)", asked)
    )
