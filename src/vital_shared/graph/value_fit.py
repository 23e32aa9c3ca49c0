"""The test whether the declared type of a value is compatible with the types that its readers declare."""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Callable
from typing import Any, Final

from vital_shared.graph.outcome import Outcome
from vital_shared.graph.values import declared_type, value_type

__all__ = ["UNKNOWN", "classes_of", "fits", "is_narrower", "item_type", "made_type", "shown_type"]

UNKNOWN: Final = Any
"""The type of what is not declared, or is not known when the class is defined: it fits everything."""

_NUMBERS: Final[dict[type, tuple[type, ...]]] = {
    bool: (float, complex),
    int: (float, complex),
    float: (complex,),
}
"""PEP 484: an int is accepted where a float is declared."""


def made_type(function: Callable[..., Any], owner: type, fans_out: bool) -> Any:
    """Return the type of the value that a node makes, as it declares it."""
    try:
        made = value_type(declared_type(function, owner, "return"))
    except TypeError:
        return UNKNOWN
    return tuple[Outcome[made], ...] if fans_out else made  # type: ignore[valid-type]  # a type made at run time


def item_type(made: Any) -> Any:
    """Return the type of a collection's items; None where it is none to fan out over, such as a text."""
    plain = _plain(made)
    if _is_union(plain):
        options = [item_type(option) for option in typing.get_args(plain) if option is not type(None)]
        return next((option for option in options if option is not None), None)
    origin = _class_of(plain)
    if not _is_class(origin) or origin is object:
        return UNKNOWN
    if issubclass(origin, str | bytes | bytearray | collections.abc.Mapping):
        return None
    if not hasattr(origin, "__iter__"):
        return None
    return _item(plain)


def fits(made: Any, read: Any) -> bool:
    """Return whether a value of one type may be of another; only what can never be is refused."""
    made, read = _plain(made), _plain(read)
    if _is_union(made):
        return any(fits(option, read) for option in typing.get_args(made))
    if _is_union(read):
        return any(fits(made, option) for option in typing.get_args(read))
    made_class, read_class = _class_of(made), _class_of(read)
    if not (_is_class(made_class) and _is_class(read_class)):
        return True  # Any, a type variable, a protocol
    related = issubclass(made_class, read_class) or issubclass(read_class, made_class)
    if not related:
        return read_class in _NUMBERS.get(made_class, ())
    return fits(_item(made), _item(read))


def is_narrower(made: Any, wanted: Any) -> bool:
    """Return whether a value of one type is always of another, as far as classes show it."""
    if made is UNKNOWN or not fits(made, wanted):
        return False
    choices = _options(wanted)
    return all(any(_is_below(option, choice) for choice in choices) for option in _options(made))


def classes_of(of: Any) -> tuple[type, ...]:
    """Return the classes that a value of a type may be of, one for each option; `object`: not known."""
    found = (_class_of(option) for option in _options(of))
    return tuple(each if _is_class(each) else object for each in found)


def _options(of: Any) -> tuple[Any, ...]:
    """Return the types of a union; of any other type, that."""
    plain = _plain(of)
    return tuple(map(_plain, typing.get_args(plain))) if _is_union(plain) else (plain,)


def _is_below(made: Any, wanted: Any) -> bool:
    made_class, wanted_class = _class_of(made), _class_of(wanted)
    if made == wanted:
        return True
    if _is_typed_dict(typing.get_origin(wanted) or wanted):
        return False  # its keys are no class's: what is made is another one, or any dictionary
    if not (_is_class(made_class) and _is_class(wanted_class)):
        return True
    return issubclass(made_class, wanted_class) or wanted_class in _NUMBERS.get(made_class, ())


def _class_of(of: Any) -> Any:
    """Return the class of the values of a type: those of a TypedDict are plain dictionaries."""
    found = typing.get_origin(of) or of
    return dict if _is_typed_dict(found) else found


def _is_typed_dict(of: Any) -> bool:
    """Return whether it is a TypedDict, of `typing` or of the package typing_extensions."""
    return isinstance(of, type) and hasattr(of, "__total__") and hasattr(of, "__required_keys__")


def _is_class(of: Any) -> bool:
    """Return whether `issubclass` decides about it."""
    return isinstance(of, type) and of is not Any and not getattr(of, "_is_protocol", False)


def _item(of: Any) -> Any:
    """Return the type of all items of a collection; UNKNOWN where they differ, or it is no collection."""
    origin, arguments = typing.get_origin(of), typing.get_args(of)
    if not isinstance(origin, type) or not issubclass(origin, collections.abc.Iterable):
        return UNKNOWN
    if issubclass(origin, tuple):
        return arguments[0] if len(arguments) == 2 and arguments[1] is Ellipsis else UNKNOWN
    return arguments[0] if len(arguments) == 1 else UNKNOWN


def _plain(of: Any) -> Any:
    """Take a type out of Annotated, NewType and Literal; None is the type of None."""
    if of is None:
        return type(None)
    if typing.get_origin(of) is typing.Annotated:
        return _plain(typing.get_args(of)[0])
    if isinstance(of, typing.NewType):
        return _plain(of.__supertype__)
    if typing.get_origin(of) is typing.Literal:
        kinds = tuple({type(value) for value in typing.get_args(of)})
        return typing.Union[kinds]  # noqa: UP007 - made at run time
    return of


def _is_union(of: Any) -> bool:
    return typing.get_origin(of) in (typing.Union, types.UnionType)


def shown_type(of: Any) -> str:
    """Write a type as messages name it."""
    return of.__name__ if isinstance(of, type) and not typing.get_args(of) else str(of).replace("typing.", "")
