"""The times of a comparison, as marks on the first dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vital_ops.compare.compare import LoadResult
from vital_ops.marks import Mark
from vital_ops.uids import PERFORMANCE

__all__ = ["load_marks"]


def load_marks(loads: Iterable[LoadResult]) -> Iterator[Mark]:
    """Make a mark of each load."""
    for load in loads:
        yield Mark(
            load.began, load.ended, f"vital compare: {load.load.name}", ("vital", "compare"), PERFORMANCE
        )
