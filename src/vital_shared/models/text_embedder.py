"""The interface of what makes vectors of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TextEmbedder"]


class TextEmbedder(Protocol):
    """A maker of vectors of texts; a model of `vital_shared.retrieval.embedding` is one."""

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the normalised vectors of texts, of shape (n, d).

        :raises ConfigurationError: when the model cannot be loaded.
        """
        ...
