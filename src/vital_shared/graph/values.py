"""Write values into checkpoints and read them back, by the types that nodes declare to return."""

from __future__ import annotations

import collections.abc
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter
from pydantic_core import to_json

from vital_shared.graph.errors import CheckpointError
from vital_shared.graph.node import Done
from vital_shared.graph.outcome import Outcome

__all__ = ["ValueTypes"]

_STREAMS = (
    collections.abc.AsyncIterator,
    collections.abc.AsyncGenerator,
    collections.abc.AsyncIterable,
)


class ValueTypes:
    """The types of a plan's values, resolved when they are first needed.

    :param makers: for each value its function, the class that it was compiled for, and whether it is
        fanned out.
    """

    __slots__ = ("_adapters", "_makers")

    def __init__(self, makers: Mapping[str, tuple[Callable[..., Any], type, bool]]) -> None:
        self._makers = makers
        self._adapters: dict[str, TypeAdapter[Any]] = {}

    def adapter(self, name: str) -> TypeAdapter[Any]:
        """Return what reads and writes the value of that name.

        :raises TypeError: when its type is not declared or cannot be written as JSON, saying why.
        """
        if name not in self._adapters:
            self._adapters[name] = _adapter(*self._makers[name])
        return self._adapters[name]

    def write(self, name: str, value: Any) -> Any:
        """Return a value as JSON.

        :raises TypeError: when its type cannot be written.
        :raises CheckpointError: when it is not of its type, so that it would not come back as it is.
        """
        adapter = self.adapter(name)
        try:
            return adapter.dump_python(value, mode="json", warnings="error")
        except (ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(
                f"value '{name}' is not of the type that its node declares: {reason}"
            ) from error

    def read(self, name: str, stored: Any) -> Any:
        """Return a value from its JSON.

        :raises CheckpointError: when it does not fit its type.
        """
        try:
            # As JSON, since strict models take a list for a tuple, or text for a date, from JSON alone.
            return self.adapter(name).validate_json(to_json(stored))
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(f"the stored value '{name}' no longer fits its type: {reason}") from error


def _adapter(function: Callable[..., Any], owner: type, each: bool) -> TypeAdapter[Any]:
    declared = function.__annotations__.get("return")
    if declared is None and "return" not in function.__annotations__:
        raise TypeError("it declares no return type")
    value = _value_type(_resolve(declared, function, owner))
    if value is Any or value is object:
        raise TypeError(f"its declared type is {value.__name__}")
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(tuple[Outcome[value], ...] if each else value)  # type: ignore[valid-type]  # a type made at run time
        adapter.json_schema(mode="serialization")
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        reason = str(error).splitlines()[0]
        raise TypeError(f"its type {value!r} is not one that JSON can hold ({reason})") from error
    return adapter


def _resolve(declared: Any, function: Callable[..., Any], owner: type) -> Any:
    """Evaluate a return annotation alone: the parameters' may name what only type checkers import."""
    holder = types.SimpleNamespace(__annotations__={"return": declared})
    module = sys.modules.get(function.__module__)
    names = {**vars(typing), **(vars(module) if module else {}), **function.__globals__}
    try:
        return typing.get_type_hints(holder, names, dict(vars(owner)), include_extras=True)["return"]
    except (NameError, AttributeError, SyntaxError) as error:
        raise TypeError(f"its return type {declared!r} names something unknown here ({error})") from error


def _value_type(declared: Any) -> Any:
    """Of a streaming node's ``AsyncIterator[Chunk | Done[Value]]`` take ``Value``."""
    if typing.get_origin(declared) not in _STREAMS:
        return declared
    chunk = typing.get_args(declared)[0]
    for option in typing.get_args(chunk) or (chunk,):
        if typing.get_origin(option) is Done:
            return typing.get_args(option)[0]
    if typing.get_origin(chunk) is Done:
        return typing.get_args(chunk)[0]
    raise TypeError("it streams, and its type does not say Done[…] of what")
