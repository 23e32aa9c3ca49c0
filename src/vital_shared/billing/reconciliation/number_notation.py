"""The notation of an export's numbers: the decimal mark, thousands separators, signs and the dollar sign.

A wrong guess is an amount wrong by a thousand, so that the whole file is read first: one number of it, such
as "0,30", shows the decimal mark of all. Where none does, "1,234" is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from vital_shared.billing.reconciliation.reported import MAX_COUNT, MAX_DOLLARS
from vital_shared.errors import InvalidRequest

__all__ = ["NumberNotation", "decimal_marks", "is_ambiguous"]

_SPACES: Final = re.compile("(?<=[0-9])[ \u00a0\u2009\u202f'\u2019](?=[0-9]{3}(?![0-9]))")
"""Spaces and apostrophes between thousands."""

_DOLLAR_SIGN: Final = re.compile(r"(?:us)?\$|\busd\b", re.IGNORECASE | re.ASCII)

_SIGN: Final = re.compile(r"([-+]?)([0-9.,]+(?:[eE][-+]?[0-9]{1,3})?)(-?)", re.ASCII)

_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})+", re.ASCII)


def decimal_marks(text: str) -> frozenset[str]:
    """Return the decimal mark that a number shows; none where it shows none."""
    digits = _digits(text)[1]
    marks = [each for each in digits if each in ".,"]
    if not marks:
        return frozenset()
    if len(set(marks)) > 1:
        return frozenset(marks[-1])
    (mark,) = set(marks)
    if len(marks) > 1:
        return frozenset(",.") - {mark}
    return frozenset() if is_ambiguous(text) else frozenset(mark)


def is_ambiguous(text: str) -> bool:
    """Return whether a number is another one with a decimal point than with a decimal comma."""
    digits = _digits(text)[1]
    return (
        bool(_GROUPED.fullmatch(digits)) and not digits.startswith("0") and sum(map(digits.count, ".,")) == 1
    )


class NumberNotation:
    """The notation of all numbers of an export.

    :param decimal_mark: "." or ",".
    """

    def __init__(self, decimal_mark: str = ".") -> None:
        self._mark = decimal_mark
        self._separator = "," if decimal_mark == "." else "."

    @classmethod
    def of_texts(cls, texts: Iterable[str], *, is_english: bool) -> NumberNotation:
        """Return the notation that numbers share.

        :param is_english: whether numbers that show no notation have a decimal point.
        :raises InvalidRequest: when they share none, or it does not show.
        """
        marks: frozenset[str] = frozenset()
        unclear = ""
        for text in texts:
            marks |= decimal_marks(text)
            if not unclear and is_ambiguous(text):
                unclear = text
        if len(marks) > 1:
            raise InvalidRequest(
                "The export has numbers with a decimal point and others with a decimal comma."
            )
        if not marks and unclear and not is_english:
            raise InvalidRequest(
                f'The export does not show whether "{unclear}" has a decimal mark or a thousands separator: '
                "export it with a decimal point and without thousands separators."
            )
        return cls(next(iter(marks), "."))

    def dollars(self, text: str) -> Decimal:
        """Read an amount.

        :raises ValueError: when it is none.
        """
        amount = self._number(text)
        if amount is None or abs(amount) > MAX_DOLLARS:
            raise ValueError(f'"{text}" is no amount in dollars')
        return amount

    def count(self, text: str) -> int:
        """Read a number of tokens or requests.

        :raises ValueError: when it is none.
        """
        count = self._number(text)
        if count is None or abs(count) > MAX_COUNT or count != count.to_integral_value():
            raise ValueError(f'"{text}" is no count')
        return int(count)

    def _number(self, text: str) -> Decimal | None:
        sign, digits = _digits(text)
        mantissa, _, exponent = digits.lower().partition("e")
        whole, _, fraction = mantissa.partition(self._mark)
        if self._separator in fraction or self._mark in fraction:
            return None
        if self._separator in whole:
            if not _GROUPED.fullmatch(whole):
                return None
            whole = whole.replace(self._separator, "")
        if not whole and not fraction:
            return None
        return Decimal(f"{sign}{whole or 0}.{fraction or 0}e{exponent or 0}")


def _digits(text: str) -> tuple[str, str]:
    """Return a number's sign and the rest; both empty where it is no number."""
    text = _DOLLAR_SIGN.sub("", text).replace("\u2212", "-").strip()
    is_negative = text.startswith("(") and text.endswith(")")
    found = _SIGN.fullmatch(_SPACES.sub("", text[1:-1] if is_negative else text).strip())
    if found is None or (found[1] and found[3]) or (is_negative and (found[1] or found[3])):
        return "", ""
    return "-" if is_negative or "-" in (found[1], found[3]) else "", found[2]
