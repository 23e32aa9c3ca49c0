"""Metadata filters as Pinecone documents them: https://docs.pinecone.io/guides/search/filter-by-metadata."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["InvalidFilter", "matches"]


class InvalidFilter(ValueError):
    """A filter that the service refuses."""


_NUMERIC: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(metadata: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    for field, condition in wanted.items():
        if field in ("$and", "$or"):
            if not isinstance(condition, list) or not condition:
                raise InvalidFilter(f"{field} needs a list of filters")
            results = [matches(metadata, each) for each in condition]
            if not (all(results) if field == "$and" else any(results)):
                return False
        elif field.startswith("$"):
            raise InvalidFilter(f"unknown operator {field}")
        else:
            conditions = condition if isinstance(condition, dict) else {"$eq": condition}
            if not all(_holds(metadata, field, name, operand) for name, operand in conditions.items()):
                return False
    return True


def _holds(metadata: Mapping[str, Any], field: str, name: str, operand: Any) -> bool:
    value = metadata.get(field)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if name == "$exists":
        return (field in metadata) == operand
    if name in ("$eq", "$ne"):
        return (operand in values) == (name == "$eq")
    if name in ("$in", "$nin"):
        if not isinstance(operand, list):
            raise InvalidFilter(f"{name} needs a list")
        return any(each in operand for each in values) == (name == "$in")
    if name in _NUMERIC:
        if not isinstance(operand, int | float):
            raise InvalidFilter(f"{name} needs a number")
        return any(isinstance(each, int | float) and _NUMERIC[name](each, operand) for each in values)
    raise InvalidFilter(f"unknown operator {name}")
