"""Letters and signs where no language has them: signs of a text that was read in the wrong encoding."""

# ruff: noqa: RUF001 - the letters and signs of many languages are what it is about

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_misplaced", "is_mostly_capitals"]

_CASED: Final = [chr(code) for code in range(0x80, 0x530) if chr(code) not in "ªºµÅΩ"]  # units: kΩ, µA
_CAPITALS: Final = "".join(filter(str.isupper, _CASED))
_SMALL: Final = "".join(filter(str.islower, _CASED))

_MISPLACED: Final = re.compile(
    r"[^\W\d_][“„‚†‡•…‹¡¿§©®£¥¢±×÷¼½¾‰ªº¹²³¬´](?=[^\W\d_])"  # signs within a word
    rf"|[a-z{_SMALL}][{_CAPITALS}]|[{_SMALL}][A-Z]"  # capitals after small letters
    r"|\b£[^\W\d_]|(?<!\w)£[^\W\dA-Z_]|[^\W\d_]¼"
    r"|\b[ЬЫьы]\w"  # letters that begin no word
    r"|ς[α-ώ]|\bς\w|[םןץףך][א-ת]"  # letters that only end one
    r"|(?<![\u0e01-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]"  # Thai vowels and tones without a consonant
    r"|∙∙|∙\w"
    r"|(?:[\uff61-\uff9f]+[. ]+){3}"  # words of halfwidth katakana alone: Cyrillic, read as Japanese
)
MAX_CAPITAL_SHARE: Final = 0.7


def is_misplaced(text: str) -> bool:
    """Return whether letters or signs stand where no language has them."""
    return _MISPLACED.search(text) is not None


def is_mostly_capitals(text: str) -> bool:
    """Return whether most letters beyond ASCII are capitals, as small letters become in other encodings."""
    small, capitals = len(re.findall(f"[{_SMALL}]", text)), len(re.findall(f"[{_CAPITALS}]", text))
    return capitals > MAX_CAPITAL_SHARE * (small + capitals)
