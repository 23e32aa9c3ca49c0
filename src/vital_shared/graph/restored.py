"""The test whether a value restored from JSON equals the value that was written, including its types."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import datetime, time, timezone, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import TzInfo

__all__ = ["dataclass_state", "difference", "model_state"]

MAX_SHOWN: Final = 60
"""Characters of a value in a message."""


def difference(given: Any, restored: Any) -> str | None:
    """Describe the first thing in which the two differ; None where the one stands for the other.

    Equality alone would not do: ``True == 1``, a model of a base class equals nothing, NaN not even itself.
    What pydantic notes about a model (the fields that were set) does not count.
    """
    pending: list[tuple[str, Any, Any]] = [("", given, restored)]
    while pending:  # without recursion: values may be nested deeper than Python's stack
        path, left, right = pending.pop()
        if type(left) is not type(right):
            return f"{_at(path)}{_type(left)} would come back as {_type(right)}"
        parts = _parts(left, right)
        if parts is None:
            return f"{_at(path)}{_shown(left)} would come back as {_shown(right)}"
        pending += [(path + step, one, other) for step, one, other in parts]
    return None


_Parts = list[tuple[str, Any, Any]]


def _parts(left: Any, right: Any) -> _Parts | None:
    """Return the pairs that have to be compared in place of two values of one type; None: they differ."""
    if isinstance(left, BaseModel):
        return _states(model_state(left), model_state(right))
    if is_dataclass(left):
        return _states(dataclass_state(left), dataclass_state(right))
    # Not every Collection: a flag of several has itself for an item.
    if isinstance(left, Sequence | Mapping | AbstractSet) and not isinstance(left, str | bytes):
        return _items(left, right) if len(left) == len(right) else None
    return [] if _equal(left, right) else None


def _items(left: Any, right: Any) -> _Parts | None:
    if isinstance(left, Mapping):
        return _mappings(left, right)
    if isinstance(left, AbstractSet):
        return _sets(left, right)
    if isinstance(left, deque) and left.maxlen != right.maxlen:
        return None
    return [(f"[{number}]", one, other) for number, (one, other) in enumerate(zip(left, right, strict=True))]


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, float | Decimal):
        both_nan = math.isnan(left) and math.isnan(right)
        return both_nan or (left == right and str(left) == str(right))  # not -0.0 for 0.0, nor 1.0 for 1.00
    if isinstance(left, datetime | time):
        return bool(left == right and left.fold == right.fold and _same_zone(left, right))
    try:
        return bool(left == right)
    except Exception:  # noqa: BLE001 - a comparison that fails shows no equality: the value is refused
        return False


def _same_zone(left: datetime | time, right: datetime | time) -> bool:
    one, other = left.tzinfo, right.tzinfo
    if one is None or other is None:
        return one is other
    return left.utcoffset() == right.utcoffset() and (_is_fixed(one) or str(one) == "UTC")


def _is_fixed(zone: tzinfo) -> bool:
    """Return whether it is an offset alone; a zone with a name has rules, which JSON does not hold."""
    if isinstance(zone, timezone):
        return zone.tzname(None).startswith("UTC")
    return isinstance(zone, TzInfo)


def _mappings(left: Mapping[Any, Any], right: Mapping[Any, Any]) -> _Parts | None:
    if isinstance(left, defaultdict) and left.default_factory is not getattr(right, "default_factory", None):
        return None
    parts: _Parts = []
    for (key, value), (other_key, other) in zip(left.items(), right.items(), strict=True):
        parts += [(f"[{_shown(key)}]", value, other), (" key", key, other_key)]
    return parts


def _sets(left: AbstractSet[Any], right: AbstractSet[Any]) -> _Parts | None:
    by_value = {each: each for each in right}
    if any(each not in by_value for each in left):
        return None
    return [(" item", each, by_value[each]) for each in left]


def _states(left: dict[str, Any], right: dict[str, Any]) -> _Parts | None:
    if left.keys() != right.keys():
        return None
    return [(f".{name}", value, right[name]) for name, value in left.items()]


def model_state(model: BaseModel) -> dict[str, Any]:
    """Return all that a model holds, excluded and private fields included."""
    held = {name: vars(model).get(name) for name in type(model).model_fields}
    return held | (model.__pydantic_extra__ or {}) | (model.__pydantic_private__ or {})


def dataclass_state(value: Any) -> dict[str, Any]:
    """Return all that an object of a dataclass holds."""
    held = {each.name: getattr(value, each.name) for each in fields(value) if hasattr(value, each.name)}
    more = {
        name: held
        for name, held in getattr(value, "__dict__", {}).items()
        if not isinstance(getattr(type(value), name, None), cached_property)  # computed from the rest
    }
    return held | more


def _type(value: Any) -> str:
    return f"a value of type {type(value).__name__}"


def _shown(value: Any) -> str:
    text = repr(value).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _at(path: str) -> str:
    return f"at {path.strip()}: " if path else ""
