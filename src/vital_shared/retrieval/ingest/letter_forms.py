"""Forms of letters that carry meaning, written out: 10 with a raised 6 is no 106, a struck price no price."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final, Literal, NamedTuple

__all__ = ["LetterForm", "Written", "lowered", "raised", "spelt_out", "struck"]

LetterForm = Literal["plain", "raised", "lowered", "struck", "hidden"]

_RAISED: Final = str.maketrans("0123456789+-\u2212\u2013=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾ⁿ")
_EXPONENT: Final = re.compile(r"[0-9+\-\u2212\u2013=()n]+")
_ORDINAL: Final = re.compile(r"(?:st|nd|rd|th|er|re|e|o|a|º|ª|tm|sm|r)", re.IGNORECASE)


class Written(NamedTuple):
    """A piece of text in one form."""

    text: str
    form: LetterForm = "plain"


def raised(text: str, before: str) -> str:
    """Return raised letters as they are typed: a digit as an exponent, others behind ``^``.

    :param before: the text that they follow.
    """
    bare = text.strip()
    if _EXPONENT.fullmatch(bare):
        return bare.translate(_RAISED)
    if bare and not _ORDINAL.fullmatch(bare) and before[-1:].isalnum():
        return f"^{text}"
    return text


def lowered(text: str, before: str) -> str:
    """Return lowered letters: the 2 of CO2 as it is, since after a letter alone it is no part of a number."""
    return f"_{text}" if before[-1:].isdigit() and text.strip()[:1].isalnum() else text


def struck(text: str) -> str:
    """Return words that are struck out, said to be so."""
    bare = " ".join(text.split())
    return f" (struck out: {bare}) " if bare else text


def spelt_out(pieces: Iterable[Written]) -> str:
    """Join pieces in their forms; hidden ones are left out."""
    text = ""
    for form, group in groupby(pieces, key=lambda piece: piece.form):
        part = "".join(piece.text for piece in group)
        match form:
            case "plain":
                text += part
            case "raised":
                text += raised(part, text)
            case "lowered":
                text += lowered(part, text)
            case "struck":
                text += struck(part)
            case "hidden":
                pass
    return text
