"""Write values into checkpoints and restore them, by the return types that nodes declare."""

from __future__ import annotations

import collections.abc
import math
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, to_json

from vital_shared.graph.error_text import one_line
from vital_shared.graph.errors import AnswerError, CheckpointError
from vital_shared.graph.node import Done
from vital_shared.graph.outcome import Outcome
from vital_shared.graph.restored import difference

__all__ = ["ValueTypes", "declared_type", "streams_text", "value_type"]

_STREAMS = (
    collections.abc.AsyncIterator,
    collections.abc.AsyncGenerator,
    collections.abc.AsyncIterable,
)


MAX_READ_ERRORS: Final = 1_000
"""Errors in an answer that are read; reading more would hold up all other runs."""

MAX_PLACE_CHARACTERS: Final = 100
"""Characters of each part of a place that a message names."""


_SHOULD: Final = re.compile(r"(?:[A-Z][\w ]* )?should ")
"""The beginning of most of pydantic's messages, such as "Input should be a valid integer"."""


class ValueTypes:
    """The types of a plan's values, resolved when they are first needed.

    :param makers: for each value, the function that makes it, the class that it was compiled for, and whether
        it is fanned out.
    """

    __slots__ = ("_adapters", "_makers")

    def __init__(self, makers: Mapping[str, tuple[Callable[..., Any], type, bool]]) -> None:
        self._makers = makers
        self._adapters: dict[str, TypeAdapter[Any]] = {}

    def maker(self, name: str) -> tuple[Callable[..., Any], type, bool] | None:
        """Return the function of a value, its class, and whether it is fanned out; None: no node makes it."""
        return self._makers.get(name)

    def adapter(self, name: str) -> TypeAdapter[Any]:
        """Return what reads and writes the value of that name.

        :raises TypeError: when its type is not declared or cannot be written as JSON, saying why.
        """
        if name not in self._adapters:
            self._adapters[name] = _adapter(*self._makers[name])
        return self._adapters[name]

    def dump(self, name: str, value: Any) -> Any:
        """Return a value as JSON, of a node whose values are known to come back as they are.

        :raises TypeError: when its type cannot be written.
        :raises CheckpointError: when the value is not of its type.
        """
        adapter = self.adapter(name)
        try:
            return _dump(adapter, value)
        except (ValueError, TypeError, RecursionError) as error:
            raise _unkept(name, adapter, value, error) from error

    def write(self, name: str, value: Any) -> Any:
        """Return a value as JSON, having read it back: a run that waits must not lose what it has.

        :raises TypeError: when its type cannot be written.
        :raises CheckpointError: when it would not come back as it is.
        """
        adapter = self.adapter(name)
        try:
            stored = _dump(adapter, value)
            found = difference(value, _read(adapter, stored))
        except (ValueError, TypeError, RecursionError) as error:
            raise _unkept(name, adapter, value, error) from error
        if found is not None:
            raise CheckpointError(
                f"value '{name}' cannot be stored with the run: {found}: "
                "let its node declare and return a type that JSON can hold in full"
            )
        return stored

    def read(self, name: str, stored: Any) -> Any:
        """Return a value from its JSON.

        :raises CheckpointError: when it does not fit its type.
        """
        try:
            return _read(self.adapter(name), stored)
        except (ValueError, RecursionError) as error:
            raise CheckpointError(
                f"the stored value '{name}' no longer fits its type: {one_line(error)}"
            ) from error

    def publish(self, name: str, value: Any) -> Any:
        """Return a value as the JSON schema of its type has it, with aliases, if that can be read back.

        :raises TypeError: when its type cannot be written.
        :raises CheckpointError: when JSON cannot hold it in full.
        """
        stored, adapter = self.write(name, value), self.adapter(name)
        published = adapter.dump_python(value, mode="json", by_alias=True)
        if published == stored:
            return stored
        try:
            is_whole = difference(value, _read_published(adapter, published)) is None
        except ValueError:  # an alias for one direction only
            is_whole = False
        return published if is_whole else stored

    def read_published(self, name: str, published: Any) -> Any:
        """Return a value from what `publish` has returned.

        :raises CheckpointError: when it does not fit its type.
        """
        try:
            return _read_published(self.adapter(name), published)
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"the value '{name}' no longer fits its type: {one_line(error)}") from error

    def answer(self, name: str, given: Any) -> Any:
        """Return an answer to a paused node, checked: the run may have to wait again, and keep it then.

        An answer that is JSON is read as JSON: a list for a tuple, text for a date, an object for a model. In
        both forms the check is strict, so that 5 is no text, and "5" no number.

        :raises AnswerError: when it is not of the type that the node declares, or cannot be kept.
        """
        adapter = self.adapter(name)
        try:
            text = _as_json(given)
            if text is None:
                value = adapter.validate_python(given, strict=True)
            else:
                value = adapter.validate_json(text, strict=True)
            self.write(name, value)
        except CheckpointError as error:
            raise AnswerError(str(error), path=(name,)) from error
        except ValidationError as error:
            raise _refused(name, error) from error
        except (ValueError, RecursionError) as error:
            broken = f"the answer '{name}' is not of the type that its node declares: {one_line(error)}"
            raise AnswerError(broken, path=(name,)) from error
        return value

    def answer_schema(self, name: str) -> dict[str, Any]:
        """Return the JSON schema of an answer to a paused node."""
        adapter = self.adapter(name)
        try:
            return adapter.json_schema()
        except PydanticUserError:  # what is read may be more than JSON schema can say
            return adapter.json_schema(mode="serialization")


def _dump(adapter: TypeAdapter[Any], value: Any) -> Any:
    # Fields by their own names, as aliases may be for one direction only, and no computed ones.
    return adapter.dump_python(value, mode="json", warnings="error", by_alias=False, round_trip=True)


def _as_json(value: Any) -> bytes | None:
    """Write a value that is as JSON has it, down to its types; None where it is not."""
    try:
        return to_json(value) if _is_json(value) else None
    except ValueError:  # half a character
        return None


def _is_json(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return all(type(key) is str and _is_json(held) for key, held in value.items())
    if kind is list:
        return all(map(_is_json, value))
    return kind in (str, int, bool, type(None)) or (kind is float and math.isfinite(value))


def _refused(name: str, error: ValidationError) -> AnswerError:
    """Explain what is wrong with an answer, without repeating it: it may be private, or huge."""
    broken = f"the answer '{name}' is not of the type that its node declares"
    count = error.error_count()
    if count > MAX_READ_ERRORS:
        return AnswerError(f"{broken}: {count:,} parts of it are wrong", path=(name,))
    found, path = _first(error)
    return AnswerError(f"{broken}{found}", path=(name, *path))


def _first(error: ValidationError) -> tuple[str, tuple[int | str, ...]]:
    """Return the first finding in words, without the value, and its path."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part)[:MAX_PLACE_CHARACTERS] for part in first["loc"])
    at = f", at {place}" if place else ""
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{at}: {_in_plain_words(first)}{more}", first["loc"]


def _in_plain_words(finding: ErrorDetails) -> str:
    """Return a finding of pydantic's without the words that only its users know."""
    if finding["type"] == "missing":
        return "it is missing"
    if finding["type"] == "extra_forbidden":
        return "it is not a field of this type"
    message = one_line(finding["msg"])
    if should := _SHOULD.match(message):
        return f"it must {message[should.end() :]}"
    return message.removeprefix("Value error, ")


def _unkept(name: str, adapter: TypeAdapter[Any], value: Any, error: Exception) -> CheckpointError:
    """Explain why a value cannot be written: its type is wrong, or right and JSON cannot hold the value."""
    wrong = f"value '{name}' is not of the type that its node declares"
    try:
        valid = adapter.validate_python(value, strict=True)
    except ValidationError as invalid:
        return CheckpointError(f"{wrong}{_first(invalid)[0]}")
    except (ValueError, RecursionError):
        return CheckpointError(f"{wrong}: {one_line(error)}")
    if type(valid) is not type(value):  # strict or not, a model takes a dict of its fields
        return CheckpointError(f"{wrong}: it is a {type(value).__name__} instead of a {type(valid).__name__}")
    return CheckpointError(
        f"value '{name}' cannot be stored with the run, since JSON cannot hold it: {one_line(error)}"
    )


def _read(adapter: TypeAdapter[Any], stored: Any) -> Any:
    # As JSON and not strictly, since strict models take a list for a tuple, or text for a date, from JSON
    # alone, and where a validator runs before them not even then; `write` has seen that it comes back whole.
    text = to_json(stored, inf_nan_mode="constants")
    return adapter.validate_json(text, strict=False, by_alias=False, by_name=True)


def _read_published(adapter: TypeAdapter[Any], published: Any) -> Any:
    text = to_json(published, inf_nan_mode="constants")
    return adapter.validate_json(text, strict=False, by_alias=True, by_name=True)


def _adapter(function: Callable[..., Any], owner: type, each: bool) -> TypeAdapter[Any]:
    value = value_type(declared_type(function, owner, "return"))
    if value is Any or value is object:
        raise TypeError(f"its declared type is {value.__name__}")
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(tuple[Outcome[value], ...] if each else value)  # type: ignore[valid-type]  # a type made at run time
        adapter.json_schema(mode="serialization")
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        reason = str(error).splitlines()[0]
        raise TypeError(f"its type {value!r} is not one that JSON can hold ({reason})") from error
    return adapter


def declared_type(function: Callable[..., Any], owner: type, name: str) -> Any:
    """Evaluate one annotation alone: the others may name what only type checkers import.

    :param name: a parameter, or "return".
    :raises TypeError: when it is missing, or names something unknown.
    """
    if name not in function.__annotations__:
        raise TypeError("it declares no return type" if name == "return" else f"{name} has no type")
    declared = function.__annotations__[name]
    holder = types.SimpleNamespace(__annotations__={name: declared})
    module = sys.modules.get(function.__module__)
    names = {**vars(typing), **(vars(module) if module else {}), **function.__globals__}
    try:
        return typing.get_type_hints(holder, names, dict(vars(owner)), include_extras=True)[name]
    except (NameError, AttributeError, SyntaxError) as error:
        what = "return type" if name == "return" else f"type of {name}"
        raise TypeError(f"its {what} {declared!r} names something unknown here ({error})") from error


def streams_text(function: Callable[..., Any], owner: type) -> bool:
    """Return whether a streaming node declares chunks of text alone, which are its value together."""
    try:
        declared = declared_type(function, owner, "return")
    except TypeError:
        return False
    return typing.get_origin(declared) in _STREAMS and typing.get_args(declared)[0] is str


def value_type(declared: Any) -> Any:
    """Take ``Value`` out of a streaming node's ``AsyncIterator[Chunk | Done[Value]]``.

    The value of an ``AsyncIterator[str]`` is the text that its chunks make.
    """
    if typing.get_origin(declared) not in _STREAMS:
        return declared
    chunk = typing.get_args(declared)[0]
    if chunk is str:
        return str
    for option in typing.get_args(chunk) or (chunk,):
        if typing.get_origin(option) is Done:
            return typing.get_args(option)[0]
    if typing.get_origin(chunk) is Done:
        return typing.get_args(chunk)[0]
    raise TypeError("it streams, and its type does not say Done[…] of what")
