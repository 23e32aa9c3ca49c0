"""The key of a part of a node: a digest of the item, or of the value that a round starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import blake2b
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from vital_shared.graph.restored import dataclass_state, model_state

__all__ = ["part_key"]

DIGEST_BYTES: Final = 16

_PLAIN: Final = (
    type(None),
    str,
    bytes,
    bool,
    int,
    float,
    Decimal,
    Enum,
    datetime,
    date,
    time,
    timedelta,
    UUID,
    PurePath,
)
"""The types whose ``repr`` says all of a value, in every process."""


def part_key(value: Any) -> str | None:
    """Return a key that two processes find for equal values, and not for others.

    None: the value has no such key, as an object that is neither data nor a model.
    """
    digest = blake2b(digest_size=DIGEST_BYTES)
    try:
        for piece in _pieces(value):
            digest.update(piece)
    except (TypeError, RecursionError):
        return None
    return digest.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    """Write a value down; each part begins with its type and its size, so that no two values look alike.

    :raises TypeError: when it has a part that cannot be written down.
    """
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, _PLAIN):
        text = repr(value).encode("utf-8", "backslashreplace")
        yield f"{kind} {len(text)} ".encode()
        yield text
    elif isinstance(value, AbstractSet):
        keys = sorted(part_key(item) or _refuse(item) for item in value)
        yield f"{kind} {' '.join(keys)} ".encode()
    else:
        parts = _parts(value)
        yield f"{kind} {len(parts)} ".encode()
        for part in parts:
            yield from _pieces(part)


def _parts(value: Any) -> Sequence[Any]:
    if isinstance(value, BaseModel):
        return _in_turn(model_state(value))
    if is_dataclass(value) and not isinstance(value, type):
        return _in_turn(dataclass_state(value))
    if isinstance(value, Mapping):
        return _in_turn(value)
    return value if isinstance(value, Sequence) else _refuse(value)


def _in_turn(mapping: Mapping[Any, Any]) -> Sequence[Any]:
    """Return the keys and values, in their order."""
    return [each for item in mapping.items() for each in item]


def _refuse(value: Any) -> Any:
    raise TypeError(f"a value of type {type(value).__name__} cannot be written down")
