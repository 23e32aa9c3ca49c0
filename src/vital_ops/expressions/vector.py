"""Series over a grid of times, and those of the samples themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Flags", "Key", "Labels", "Matrix", "Numbers", "Times", "Vector", "key_of"]

Labels: TypeAlias = Mapping[str, str]
Key: TypeAlias = frozenset[tuple[str, str]]
Numbers: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Times: TypeAlias = NDArray[np.int64]
"""In milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Vector:
    """Series (rows) by times (columns). A value counts only where it is present; it may be not a number."""

    labels: Sequence[Labels]
    values: Numbers
    present: Flags

    @classmethod
    def empty(cls, steps: int) -> Vector:
        """Make one without series."""
        return cls((), np.empty((0, steps)), np.empty((0, steps), dtype=bool))

    @classmethod
    def of_rows(cls, rows: Iterable[tuple[Labels, Any, Any]], steps: int) -> Vector:
        """Make one of labels, values and presence of each row; rows of the same labels become one."""
        merged: dict[Key, tuple[Labels, Any, Any]] = {}
        for labels, values, present in rows:
            key = frozenset(labels.items())
            if key in merged:
                _, first, was = merged[key]
                merged[key] = (labels, np.where(was, first, values), was | present)
            else:
                merged[key] = (labels, values, present)
        if not merged:
            return cls.empty(steps)
        every = list(merged.values())
        return cls(
            [labels for labels, _, _ in every],
            np.stack([values for _, values, _ in every]),
            np.stack([present for _, _, present in every]),
        )

    @property
    def steps(self) -> int:
        """The number of times."""
        return int(self.values.shape[1])


@dataclass(frozen=True, slots=True)
class Matrix:
    """Series (rows) by the times of their samples (columns)."""

    times: Times
    labels: Sequence[Labels]
    values: Numbers
    present: Flags


def key_of(labels: Labels, on: Sequence[str] | None = None) -> Key:
    """Return what two series have to have in common: all labels, or some of them."""
    if on is None:
        return frozenset(labels.items())
    return frozenset((name, labels[name]) for name in on if name in labels)
