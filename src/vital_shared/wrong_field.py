"""The field of an input that is wrong, in plain words instead of pydantic's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

__all__ = ["NOT_KNOWN", "WrongField", "field_sentence", "plain_message"]

NOT_KNOWN: Final = "is not known here: leave it out"
"""The reason for a field that a model does not have."""

MAX_PART_CHARACTERS: Final = 100
"""Characters of each part of a place that are shown: it may come from outside."""

_WHOLE: Final = "must be a whole number"
_NUMBER: Final = "must be a number"
_TRUTH: Final = "must be true or false"
_NETWORK: Final = "must be a network, such as 10.0.0.0/8 or fd00::/8"
_DATE: Final = "must be a date, such as 2026-05-01"
_MOMENT: Final = "must be a date and a time, such as 2026-05-01T12:00:00Z"
_TIME: Final = "must be a time, such as 12:00"
_DURATION: Final = "must be a duration, such as PT5M"
_UUID: Final = "must be a UUID"

WORDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: NOT_KNOWN,
    "string_type": lambda _: "must be text",
    "string_too_short": lambda given: f"must not be shorter than {_characters(given['min_length'])}",
    "string_too_long": lambda given: f"must not be longer than {_characters(given['max_length'])}",
    "string_pattern_mismatch": lambda given: f"must match {given['pattern']}",
    "enum": lambda given: f"must be one of {given['expected']}",
    "literal_error": lambda given: f"must be one of {given['expected']}",
    "too_short": lambda given: f"must not have fewer than {_items(given['min_length'])}",
    "too_long": lambda given: f"must not have more than {_items(given['max_length'])}",
    "list_type": lambda _: "must be a list",
    "tuple_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be an object",
    "model_type": lambda _: "must be an object",
    "none_required": lambda _: "must be null",
    "bool_type": lambda _: _TRUTH,
    "bool_parsing": lambda _: _TRUTH,
    "int_type": lambda _: _WHOLE,
    "int_parsing": lambda _: _WHOLE,
    "int_from_float": lambda _: _WHOLE,
    "int_parsing_size": lambda _: "must be a smaller number",
    "float_type": lambda _: _NUMBER,
    "float_parsing": lambda _: _NUMBER,
    "decimal_type": lambda _: _NUMBER,
    "decimal_parsing": lambda _: _NUMBER,
    "ip_v4_network": lambda _: _NETWORK,
    "ip_v6_network": lambda _: _NETWORK,
    "date_type": lambda _: _DATE,
    "date_parsing": lambda _: _DATE,
    "date_from_datetime_parsing": lambda _: _DATE,
    "date_from_datetime_inexact": lambda _: _DATE,
    "datetime_type": lambda _: _MOMENT,
    "datetime_parsing": lambda _: _MOMENT,
    "datetime_from_date_parsing": lambda _: _MOMENT,
    "time_type": lambda _: _TIME,
    "time_parsing": lambda _: _TIME,
    "time_delta_type": lambda _: _DURATION,
    "time_delta_parsing": lambda _: _DURATION,
    "uuid_type": lambda _: _UUID,
    "uuid_parsing": lambda _: _UUID,
    "decimal_max_places": lambda given: f"must not have more than {given['decimal_places']} decimal places",
    "greater_than": lambda given: f"must be above {_bound(given['gt'])}",
    "greater_than_equal": lambda given: f"must not be below {_bound(given['ge'])}",
    "less_than": lambda given: f"must be below {_bound(given['lt'])}",
    "less_than_equal": lambda given: f"must not be above {_bound(given['le'])}",
}
"""Reasons by pydantic's type of an error; others are its own message, with "must" for its "should"."""

_SCHEMAS: Final = ("lax-or-strict[", "json-or-python[", "function-", "is-instance[")
"""Beginnings of the names that pydantic gives to the types of a union, which nobody wrote."""

_SHOULD: Final = re.compile(r"(?:[A-Z]\w* )?(?:input )?should (?=be |have |contain |match |not )")
_CONTINUES_FIELD: Final = re.compile(r"(?:must|is|has|holds|contains|may|cannot) ")


class WrongField(NamedTuple):
    """A field that is wrong, and why."""

    place: str
    """Dotted, such as ``requested_tools.0.name``; empty: the input as a whole."""

    kind: str
    """Pydantic's type of the error."""

    reason: str
    """Its reason, without what was given: that may be private or huge."""

    @classmethod
    def first(cls, error: ValidationError) -> WrongField:
        """Return the first of those that an error is about."""
        return cls.of(error.errors(include_url=False, include_input=False)[0])

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> WrongField:
        """Read one of pydantic's findings."""
        parts = [str(part) for part in found["loc"]]
        place = ".".join(part[:MAX_PART_CHARACTERS] for part in parts if not part.startswith(_SCHEMAS))
        return cls(place, found["type"], _reason(found))

    @property
    def remark(self) -> str:
        """The reason as a sentence behind what names the field, without a full stop."""
        return f"it {self.reason}" if _CONTINUES_FIELD.match(self.reason) else self.reason

    @property
    def sentence(self) -> str:
        """The field and the reason, without a full stop; a rule about several fields names them itself."""
        return field_sentence(self.place, self.reason) if self.place else self.reason


def field_sentence(place: str, reason: str) -> str:
    """Write a sentence about a field: some reasons continue it, others stand by themselves."""
    return f"{place} {reason}" if _CONTINUES_FIELD.match(reason) else f"{place}: {reason}"


def plain_message(message: str) -> str:
    """Return a message of pydantic's without the words that only its users know."""
    if should := _SHOULD.match(message):
        return f"must {message[should.end() :]}"
    return message.removeprefix("Value error, ")


def _reason(found: Mapping[str, Any]) -> str:
    words = WORDS.get(found["type"])
    if words is not None:
        return words(found.get("ctx", {}))
    message = plain_message(found["msg"])
    is_own = found["type"] == "value_error"  # of a rule of the model's own, in its own words
    return message if is_own else message[:1].lower() + message[1:]


def _bound(bound: object) -> object:
    """Return a bound as people write it."""
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _characters(number: int) -> str:
    return "1 character" if number == 1 else f"{number:,} characters"


def _items(number: int) -> str:
    return "1 item" if number == 1 else f"{number:,} items"
