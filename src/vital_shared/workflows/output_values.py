"""The values of a workflow's own nodes in its output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic_core import PydanticSerializationError, from_json, to_json

from vital_shared.graph import Run
from vital_shared.logs import get_logger

__all__ = ["MAX_VALUE_BYTES", "output_values"]

logger = get_logger(__name__)

MAX_VALUE_BYTES: Final = 1_000_000
"""Bytes of one value as JSON, at most: it is stored with the run and kept in the cache."""

_ABSENT: Final = object()


def output_values(run: Run, names: Sequence[str], run_id: str) -> dict[str, Any]:
    """Return the values of a run as JSON has them, so that a stored or cached output has the same.

    What JSON cannot hold, or what is larger than `MAX_VALUE_BYTES`, is left out and logged.

    :param names: the values; those that were not made are left out.
    """
    values = {}
    for name in names:
        if (value := run.value(name, _ABSENT)) is _ABSENT:
            continue
        try:
            values[name] = _as_json(value)
        except (PydanticSerializationError, ValueError, RecursionError) as error:
            made = type(value).__name__
            logger.warning("value_not_in_output", run_id=run_id, value=name, type=made, reason=str(error))
    return values


def _as_json(value: object) -> Any:
    data = to_json(value, inf_nan_mode="null", fallback=_text_of)
    if len(data) > MAX_VALUE_BYTES:
        raise ValueError(f"it has {len(data):,} bytes, and {MAX_VALUE_BYTES:,} is the limit")
    return from_json(data)


def _text_of(value: object) -> str:
    """Write the error of an item that failed in a fanned out node."""
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    raise ValueError(f"JSON has no {type(value).__name__}")
