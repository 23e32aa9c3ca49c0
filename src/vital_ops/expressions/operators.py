"""Operators and aggregations, as Prometheus computes them.

See https://prometheus.io/docs/prometheus/latest/querying/operators/; metric names are not kept, as no legend
shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from vital_ops.expressions.vector import Flags, Key, Vector, key_of

__all__ = ["Aggregation", "aggregate", "calculate", "combine", "compare", "greatest"]

Aggregation: TypeAlias = Literal["sum", "max", "min", "count"]

_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "==": np.equal,
}

_AGGREGATIONS: Final[Mapping[Aggregation, Callable[[Any, Flags], Any]]] = {
    "sum": lambda values, present: np.where(present, values, 0.0).sum(axis=0),
    "count": lambda _, present: present.sum(axis=0).astype(float),
    "max": lambda values, present: np.fmax.reduce(np.where(present, values, np.nan), axis=0),
    "min": lambda values, present: np.fmin.reduce(np.where(present, values, np.nan), axis=0),
}


def aggregate(how: Aggregation, vector: Vector, by: Sequence[str]) -> Vector:
    """Make one series of those with the same values of some labels."""
    groups: dict[Key, list[int]] = {}
    for row, labels in enumerate(vector.labels):
        groups.setdefault(key_of(labels, by), []).append(row)
    reduce = _AGGREGATIONS[how]
    return Vector.of_rows(
        (
            (dict(key), reduce(vector.values[rows], vector.present[rows]), vector.present[rows].any(axis=0))
            for key, rows in groups.items()
        ),
        vector.steps,
    )


def greatest(number: int, vector: Vector) -> Vector:
    """Keep the greatest values of each time, as ``topk`` does."""
    known = np.where(vector.present & ~np.isnan(vector.values), vector.values, -np.inf)
    order = np.argsort(-known, axis=0, kind="stable")
    kept = np.zeros(vector.present.shape, dtype=bool)
    np.put_along_axis(kept, order[:number], True, axis=0)
    return Vector(vector.labels, vector.values, vector.present & kept)


def calculate(operator: str, left: Vector | float, right: Vector | float) -> Vector:
    """Calculate with two vectors, or a vector and a number, at least one of them a vector."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _each_pair(left, right, _ARITHMETIC[operator])


def _each_pair(left: Vector | float, right: Vector | float, work: Callable[[Any, Any], Any]) -> Vector:
    if isinstance(left, Vector) and isinstance(right, Vector):
        rows = _rows_by_key(right, None)
        pairs = [(row, rows[key]) for row, each in enumerate(left.labels) if (key := key_of(each)) in rows]
        return Vector.of_rows(
            (
                (
                    left.labels[one],
                    work(left.values[one], right.values[other]),
                    left.present[one] & right.present[other],
                )
                for one, other in pairs
            ),
            left.steps,
        )
    if isinstance(left, Vector):
        return Vector(left.labels, work(left.values, right), left.present)
    assert isinstance(right, Vector)  # noqa: S101 - two numbers need no vector
    return Vector(right.labels, work(left, right.values), right.present)


def compare(operator: str, left: Vector, right: Vector | float, on: Sequence[str] | None = None) -> Vector:
    """Keep the values of the left side that compare as they should.

    :param on: the labels that have to be equal; several on the left may meet one on the right.
    """
    holds = _COMPARISONS[operator]
    if not isinstance(right, Vector):
        return Vector(left.labels, left.values, left.present & holds(left.values, right))
    rows = _rows_by_key(right, on)
    kept = np.zeros(left.present.shape, dtype=bool)
    for row, labels in enumerate(left.labels):
        other = rows.get(key_of(labels, on))
        if other is not None:
            holding = holds(left.values[row], right.values[other])
            kept[row] = left.present[row] & right.present[other] & holding
    return Vector(left.labels, left.values, kept)


def _rows_by_key(vector: Vector, on: Sequence[str] | None) -> dict[Key, int]:
    return {key_of(labels, on): row for row, labels in enumerate(vector.labels)}


def combine(
    operator: Literal["and", "or", "unless"], left: Vector, right: Vector, on: Sequence[str] | None = None
) -> Vector:
    """Combine two vectors as sets.

    :param on: the labels that have to be equal; None: all of them.
    """
    if operator == "or":
        there = _presence(left, on)
        more = ((each, right.values[row], right.present[row]) for row, each in enumerate(right.labels))
        return Vector.of_rows(
            (
                *((each, left.values[row], left.present[row]) for row, each in enumerate(left.labels)),
                *(
                    (labels, values, present & ~there.get(key_of(labels, on), np.False_))
                    for labels, values, present in more
                ),
            ),
            left.steps,
        )
    there = _presence(right, on)
    nowhere = np.zeros(left.steps, dtype=bool)
    kept = np.array([there.get(key_of(labels, on), nowhere) for labels in left.labels], dtype=bool)
    kept = kept.reshape(left.present.shape)
    return Vector(left.labels, left.values, left.present & (kept if operator == "and" else ~kept))


def _presence(vector: Vector, on: Sequence[str] | None) -> dict[Key, Any]:
    found: dict[Key, Any] = {}
    for row, labels in enumerate(vector.labels):
        key = key_of(labels, on)
        found[key] = found[key] | vector.present[row] if key in found else vector.present[row]
    return found
