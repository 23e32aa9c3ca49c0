"""The right of one worker to write a run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Fence"]


@dataclass(frozen=True, slots=True)
class Fence:
    """The owner and the epoch that every write of a run names.

    A write is refused once the run has another owner or a later epoch: it was taken over, or resumed.
    """

    owner: str
    """The id of the worker."""
    epoch: int
    """The number of owners that the run had before: 0 where it began, one more with each takeover and each
    resumption. Its events have the same number."""
