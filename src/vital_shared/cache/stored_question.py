"""A question of a cached answer, as the processes share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["StoredQuestion"]


class StoredQuestion(NamedTuple):
    """A question whose answer is kept."""

    scope: str
    key: str
    """The key of the answer."""
    query: str
    vector: NDArray[np.float32]
