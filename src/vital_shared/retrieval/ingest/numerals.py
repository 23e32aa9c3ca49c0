"""Numbers of lists as documents write them."""

from __future__ import annotations

from typing import Final

__all__ = ["in_letters", "in_roman", "written"]

_ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
    (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
MAX_ROMAN: Final = 3_999
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def in_roman(number: int) -> str:
    """Write a number in small Roman numerals; one that has none in digits."""
    if not 0 < number <= MAX_ROMAN:
        return str(number)
    text = ""
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        text += letters * times
    return text


def in_letters(number: int, *, repeated: bool = False) -> str:
    """Write a number in small letters; 0 and less in digits.

    :param repeated: behind z comes aa, bb, cc; else aa, ab, ac.
    """
    if number <= 0:
        return str(number)
    if repeated:
        return _LETTERS[(number - 1) % len(_LETTERS)] * ((number - 1) // len(_LETTERS) + 1)
    text = ""
    while number:
        number, letter = divmod(number - 1, len(_LETTERS))
        text = _LETTERS[letter] + text
    return text


def written(number: int, kind: str) -> str:
    """Write a number as the kinds of HTML's and OpenDocument's lists do: 1, a, A, i or I."""
    match kind:
        case "a" | "A":
            text = in_letters(number)
        case "i" | "I":
            text = in_roman(number)
        case _:
            text = str(number)
    return text.upper() if kind.isupper() else text
