"""Validation errors of a request's fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from vital_shared.errors import InvalidRequest
from vital_shared.models.base import Frozen
from vital_shared.wrong_field import WrongField, field_sentence

__all__ = ["FieldError", "InvalidFields", "field_errors"]

MAX_REPORTED_ERRORS: Final = 20
"""Fields that are named in an answer, at most."""

MAX_READ_ERRORS: Final = 1_000
"""Errors that are read; further ones are counted only: reading each would hold up all other requests."""


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


def field_errors(errors: Sequence[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Translate pydantic's errors; what was given is never repeated, since it may be private or huge."""
    return tuple(FieldError(field=wrong.place, message=wrong.reason) for wrong in map(WrongField.of, errors))


def _sentence(errors: Sequence[FieldError]) -> str:
    """Write the first error, and the number of further ones, as a sentence."""
    first = errors[0]
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{field_sentence(first.field or 'The body', first.message)}{more}."
