"""Fields that take more types than they hold, for type checkers: at run time a validator converts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

__all__ = ["Lenient"]

Held = TypeVar("Held")
Taken = TypeVar("Taken")


class Lenient(Generic[Held, Taken]):
    """A field that is read as one type and given as another.

    Type checkers derive the constructor's parameter from a descriptor's ``__set__``
    (typing.python.org/en/latest/spec/dataclasses.html, "Descriptor-typed fields").
    """

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Held: ...
        def __get__(self, instance: object, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: Taken) -> None: ...
