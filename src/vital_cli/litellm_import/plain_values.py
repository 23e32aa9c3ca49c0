"""Values of a file of LiteLLM's: numbers, values that TOML can hold, and those that could be secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

__all__ = ["REFERENCE", "holds_secret", "is_plain", "read_number"]

REFERENCE: Final = "os.environ/"
"""Prefix of a value that stands in a variable."""

_SECRET_NAME: Final = re.compile(
    r"auth|api.?key|(?:^|[^a-z])key|token(?!s|_?id|izer)|secret|passw|credential|cookie|signature|private",
    re.IGNORECASE,
)

_SECRET_VALUE: Final = re.compile(
    r"\b(?:bearer|basic) \S|(?:^|[^a-z0-9])(?:sk|pk|rk|gsk|xai|hf|ghp|gho|glpat|pat|xox[a-z])[-_][\w-]{6}"
    r"|\bAKIA[0-9A-Z]{8}|\bAIza[\w-]{8}|\beyJ[\w-]{8}|-----BEGIN|://[^/\s]*:[^/\s]*@",
    re.IGNORECASE,
)


def holds_secret(value: object, name: str = "") -> bool:
    """Return whether a value, or one within it, could be a secret: by its name, or by its form."""
    if isinstance(value, Mapping):
        return any(holds_secret(each, str(inner)) for inner, each in value.items())
    if isinstance(value, list):
        return any(holds_secret(each, name) for each in value)
    if not isinstance(value, str):
        return False
    return bool(value and _SECRET_NAME.search(name)) or bool(_SECRET_VALUE.search(value))


def read_number(value: object) -> Decimal | None:
    """Return a number; None: it is none, or not of this world."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except (InvalidOperation, ValueError):  # an integer of thousands of digits has no text
        return None
    return number if number.is_finite() and abs(number) < 10**12 else None


def is_plain(value: object) -> bool:
    """Return whether a value can stand in TOML."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and is_plain(each) for name, each in value.items())
    if isinstance(value, list):
        return all(is_plain(each) for each in value)
    is_reference = isinstance(value, str) and value.startswith(REFERENCE)
    is_long = isinstance(value, int) and abs(value) >= 2**63
    return isinstance(value, str | int | float | bool) and not is_reference and not is_long
