"""The embedding models that are known."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BGE", "E5", "EmbeddingModel"]


class EmbeddingModel(NamedTuple):
    """A model, and what its card has put before texts."""

    name: str
    query_prefix: str
    passage_prefix: str


BGE = EmbeddingModel(
    name="bge-small-en-v1.5",
    query_prefix="Represent this sentence for searching relevant passages: ",
    passage_prefix="",
)
"""English."""

E5 = EmbeddingModel(name="multilingual-e5-small", query_prefix="query: ", passage_prefix="passage: ")
"""About a hundred languages."""
