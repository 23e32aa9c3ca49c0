"""Recognisers of personal data and secrets, by their form and their check digits.

Names and addresses of people have no form, and are not found: that takes a language model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Final, Literal, NamedTuple, get_args

from vital_shared.errors import ConfigurationError

__all__ = ["KINDS", "PersonalDataKind", "PersonalDataPlace", "find_personal_data", "load_checks"]

PersonalDataKind = Literal[
    "email", "phone", "iban", "credit_card", "ip_address", "us_ssn", "de_tax_id", "secret"
]
KINDS: Final[tuple[PersonalDataKind, ...]] = get_args(PersonalDataKind)

MAX_NUMBER_DIGITS: Final = 15
"""Digits of a telephone number at most (ITU-T E.164)."""


class PersonalDataPlace(NamedTuple):
    """A place of personal data in a text."""

    start: int
    end: int
    kind: PersonalDataKind


_PATTERNS: Final[dict[PersonalDataKind, re.Pattern[str]]] = {
    "secret": re.compile(
        r"\b(?:sk-[A-Za-z0-9_-]{16,200}|gh[pousr]_[A-Za-z0-9]{20,255}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,200}"
        r"|vital_[A-Za-z0-9]{4,64}_[A-Za-z0-9_-]{20,100}"
        r"|eyJ[A-Za-z0-9_-]{8,1000}\.[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,1000})"
    ),
    "email": re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])"),
    "iban": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "credit_card": re.compile(
        r"(?<!\d)(?:\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{5}|\d{13,19})(?!\d)"
    ),
    "us_ssn": re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"),
    "de_tax_id": re.compile(r"(?<!\d)\d{2} ?\d{3} ?\d{3} ?\d{3}(?!\d)"),
    "ip_address": re.compile(
        r"(?<![\w.:])(?:(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})(?![\w:]|\.\d)"
    ),
    "phone": re.compile(
        r"(?<![\w.])(?:\+\d{1,3}(?:[ ./-]?\(?\d{1,5}\)?){2,6}|\(\d{2,5}\)[ -]?\d{3,4}[ -]?\d{3,5}"
        r"|(?<!\d )0\d{2,4}[ /-]\d{3,8}(?! \d)|\d{3}[.-]\d{3}[.-]\d{4})(?![\w])"
    ),
}
"""By kind, those with check digits before those that take any digits. None backtracks without bound."""


def find_personal_data(
    text: str, kinds: Collection[PersonalDataKind] = KINDS
) -> tuple[PersonalDataPlace, ...]:
    """Return the places of personal data, in their order, none within another.

    :raises ConfigurationError: when the packages for check digits are missing.
    """
    found: list[PersonalDataPlace] = []
    for kind, pattern in _PATTERNS.items():
        if kind in kinds:
            places = tuple(_places(text, kind, pattern))
            found += places
            text = _without(text, places)  # what is known is no part of anything else
    return tuple(sorted(found))


def _without(text: str, places: Sequence[PersonalDataPlace]) -> str:
    """Return the text with zeros in these places, which are in their order."""
    pieces, end = [], 0
    for place in places:
        pieces += [text[end : place.start], "\0" * (place.end - place.start)]
        end = place.end
    return "".join((*pieces, text[end:]))


def _places(text: str, kind: PersonalDataKind, pattern: re.Pattern[str]) -> Iterator[PersonalDataPlace]:
    at = 0
    while match := pattern.search(text, at):
        length = _valid_length(kind, match[0])
        if length:
            yield PersonalDataPlace(match.start(), match.start() + length, kind)
        at = match.start() + max(1, length)


def _valid_length(kind: PersonalDataKind, text: str) -> int:
    """Return the length of what is valid at the beginning of a match; 0: nothing is.

    A number in groups may be followed by words that look like further groups.
    """
    ends = [len(text), *(match.start() for match in reversed(tuple(re.finditer(" ", text))))]
    tried = ends if kind == "iban" else ends[:1]
    return next((end for end in tried if _is_valid(kind, text[:end])), 0)


def _is_valid(kind: PersonalDataKind, text: str) -> bool:
    if kind == "ip_address":
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return not address.is_unspecified
    if kind == "phone":
        return 7 <= sum(each.isdigit() for each in text) <= MAX_NUMBER_DIGITS
    checks = load_checks()
    return kind not in checks or checks[kind](text)


def load_checks() -> Mapping[str, Callable[[str], bool]]:
    """Return the checks of check digits, by kind.

    :raises ConfigurationError: when the package for them is missing.
    """
    try:
        from vital_shared.guardrails.check_digits import CHECKS  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            "The guardrail for personal data needs a package that is not installed: run "
            "`pip install 'vital-engine[guardrails]'`."
        ) from error
    return CHECKS
