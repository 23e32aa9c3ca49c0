"""Values of a type out of what a model writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from pydantic import (
    BaseModel,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
)

from vital_shared.errors import ConfigurationError
from vital_shared.llm.plain_schema import VALUE, is_object_schema, plain_schema, wrapped_schema
from vital_shared.wrong_field import WrongField

__all__ = ["TypedOutput", "UnfitOutput", "typed_output"]

T = TypeVar("T")

MAX_PROBLEMS: Final = 5
"""Problems of one answer that are named."""

_FENCED: Final = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)


class UnfitOutput(ValueError):
    """A text that does not hold a value of the type; the message says why, in words for the model."""


class TypedOutput(Generic[T]):
    """The reader of one type.

    :param kind: any type that pydantic knows: a model, a dataclass, a TypedDict, ``list[int]``, a Literal.
    :raises ConfigurationError: when JSON cannot hold its values.
    """

    def __init__(self, kind: Any) -> None:
        self.name = getattr(kind, "__name__", None) or str(kind)
        if isinstance(kind, str):
            raise ConfigurationError(f"output={kind!r:.100} is a text: write the type itself, without quotes")
        if isinstance(kind, BaseModel) or (is_dataclass(kind) and not isinstance(kind, type)):
            name = type(kind).__name__
            raise ConfigurationError(f"output is a value of {name}: write the type itself, output={name}")
        if isinstance(kind, list | tuple | set | dict):
            raise ConfigurationError(
                f"output={kind!r:.100} is a {type(kind).__name__}: write a type, such as a pydantic model or "
                "list[str]"
            )
        try:
            self._adapter: TypeAdapter[T] = TypeAdapter(kind)
            schema = self._adapter.json_schema(mode="validation")
        except (PydanticUserError, PydanticUndefinedAnnotation) as error:
            problem = error.message.partition("\n")[0]
            raise ConfigurationError(f"output={self.name:.100} cannot be asked for: {problem}") from error
        self._is_wrapped = not is_object_schema(schema)
        self.schema = plain_schema(wrapped_schema(schema) if self._is_wrapped else schema)
        """The JSON schema of what the model is to write."""
        self.schema_text = json.dumps(self.schema, ensure_ascii=False)

    def read(self, text: str) -> T:
        """Read a value.

        :raises UnfitOutput: when the text holds none.
        """
        problem = UnfitOutput("it is not JSON")
        for candidate in _candidates(text):
            try:
                return self._value(json.loads(candidate))
            except ValidationError as error:
                problem = UnfitOutput(_problems(error))
            except (ValueError, RecursionError):
                continue
        raise problem

    def _value(self, data: Any) -> T:
        if self._is_wrapped and isinstance(data, dict) and set(data) == {VALUE}:
            data = data[VALUE]
        return self._adapter.validate_json(json.dumps(data))


@lru_cache(maxsize=256)
def _cached(kind: Any) -> TypedOutput[Any]:
    return TypedOutput(kind)


def typed_output(kind: Any) -> TypedOutput[Any]:
    """Return the reader of a type, made once for each."""
    try:
        return _cached(kind)
    except TypeError:  # a type that has no hash, such as Annotated with a list
        return TypedOutput(kind)


def _candidates(text: str) -> Iterator[str]:
    """Return the parts of a text that may be the JSON that was asked for."""
    yield text
    yield from _FENCED.findall(text)
    for opening, closing in ("{}", "[]"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            yield text[start : end + 1]


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    wrong = map(WrongField.of, found[:MAX_PROBLEMS])
    named = [f"{each.place or 'the value'}: {each.remark}" for each in wrong]
    more = len(found) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more > 0 else "")
