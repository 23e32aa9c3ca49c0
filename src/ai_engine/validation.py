"""Validation errors of fields, in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from vital_shared.errors import InvalidRequest
from vital_shared.models.base import Frozen

__all__ = ["NOT_KNOWN", "FieldError", "InvalidFields", "field_errors"]

MAX_REPORTED_ERRORS: Final = 20
"""Fields that are named in an answer, at most."""

MAX_READ_ERRORS: Final = 1_000
"""Errors that are read; further ones are counted only: reading each would hold up all other requests."""

NOT_KNOWN: Final = "is not known here: leave it out"
"""The message of a field that a model does not have."""


class FieldError(Frozen):
    """One field that is wrong."""

    field: str
    """Dotted, such as ``requested_tools.0.name``; empty for the body as a whole."""

    message: str


class InvalidFields(InvalidRequest):
    """Fields of a request are wrong.

    :param errors: all of them, at least one.
    """

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(_sentence(errors), field=errors[0].field)
        self.errors = tuple(errors[:MAX_REPORTED_ERRORS])

    @classmethod
    def of(cls, error: ValidationError) -> InvalidFields:
        """Translate a model's validation error."""
        if (count := error.error_count()) > MAX_READ_ERRORS:
            return cls([FieldError(field="", message=f"has {count:,} fields that are wrong")])
        found = error.errors(include_url=False, include_input=False)
        return cls(field_errors([dict(each) for each in found]))


WORDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: NOT_KNOWN,
    "string_type": lambda _: "must be text",
    "bool_type": lambda _: "must be true or false",
    "string_too_short": lambda given: f"must not be shorter than {_characters(given['min_length'])}",
    "string_too_long": lambda given: f"must not be longer than {_characters(given['max_length'])}",
    "string_pattern_mismatch": lambda given: f"must match {given['pattern']}",
    "enum": lambda given: f"must be one of {given['expected']}",
    "literal_error": lambda given: f"must be one of {given['expected']}",
    "too_long": lambda given: f"must not have more than {given['max_length']} items",
    "tuple_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be an object",
    "model_type": lambda _: "must be an object",
    "greater_than_equal": lambda given: f"must not be below {given['ge']}",
    "less_than_equal": lambda given: f"must not be above {given['le']}",
}
"""Messages by pydantic's type of an error; other types keep pydantic's words."""


def field_errors(errors: Sequence[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Translate pydantic's errors; what was given is never repeated, since it may be private or huge."""
    return tuple(
        FieldError(field=".".join(str(part)[:100] for part in error["loc"]), message=_message(error))
        for error in errors
    )


def _sentence(errors: Sequence[FieldError]) -> str:
    """Write the first error, and the number of further ones, as a sentence."""
    first = errors[0]
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first.field or 'The body'} {first.message}{more}."


def _message(error: Mapping[str, Any]) -> str:
    words = WORDS.get(error["type"])
    if words is not None:
        return words(error.get("ctx", {}))
    message: str = error["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _characters(number: int) -> str:
    return "1 character" if number == 1 else f"{number:,} characters"
