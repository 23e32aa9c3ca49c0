"""How near a question is to what tools say of themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vital_shared.tools.base import Tool

__all__ = ["NEAR", "Embeds", "Meanings"]

NEAR: Final = 0.66
"""Cosine of bge-small-en-v1.5 from which on a question is near a tool."""


class Embeds(Protocol):
    """Makes vectors of texts, as `vital_shared.retrieval.embedding.Embedder` does."""

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the normalised vector of a question, of shape (d,)."""
        ...

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the normalised vectors of texts, of shape (n, d)."""
        ...


class Meanings:
    """The vectors of some tools' descriptions, made once.

    :param tools: at least one.
    """

    def __init__(self, tools: Sequence[Tool], embedder: Embeds) -> None:
        self._tools, self._embedder = tuple(tools), embedder
        self._lock = asyncio.Lock()
        self._vectors: NDArray[np.float32] | None = None

    async def near(self, query: str) -> frozenset[str]:
        """Name the tools that the question is near to, by `NEAR`.

        :raises ConfigurationError: when the model cannot be loaded.
        """
        cosines = await self.cosines(query)
        return frozenset(name for name, cosine in cosines.items() if cosine >= NEAR)

    async def cosines(self, query: str) -> dict[str, float]:
        """Map each tool's name to the cosine between the question and what the tool says of itself."""
        async with self._lock:  # the second question waits for the first one's vectors of the tools
            if self._vectors is None:
                self._vectors = await self._embedder.embed_passages([described(tool) for tool in self._tools])
        vector = await self._embedder.embed_query(query)
        cosines: NDArray[Any] = self._vectors @ vector
        return {tool.name: float(cosine) for tool, cosine in zip(self._tools, cosines, strict=True)}


def described(tool: Tool) -> str:
    """Write what is compared with a question: name, description and keywords."""
    words = ", ".join(sorted(tool.keywords))
    return f"{tool.name.replace('_', ' ')}: {tool.description}" + (f"\n{words}" if words else "")
