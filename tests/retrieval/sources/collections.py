"""Documents for collections, and an embedding model whose vectors a test can foresee."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from vital_shared.retrieval.collection import CollectionDocument, CollectionPassage, DocumentKey, IndexModel


class WordEmbedder:
    """Each word has a random direction of its own; texts with the same words are near each other."""

    def __init__(self, name: str = "words", dimension: int = 64) -> None:
        self.name = name
        self.dimension = dimension

    @property
    def model(self) -> IndexModel:
        return IndexModel(self.name, self.dimension)

    def vector(self, text: str) -> Any:
        total = np.zeros(self.dimension)
        for word in re.findall(r"\w+", text.lower()):
            seed = zlib.crc32(f"{self.name} {word}".encode())
            total += np.random.default_rng(seed).standard_normal(self.dimension)
        return (total / (np.linalg.norm(total) or 1.0)).astype("<f4")

    async def current(self) -> WordEmbedder:
        return self

    async def embed_query(self, text: str) -> Any:
        return self.vector(text)

    async def embed_passages(self, texts: Sequence[str]) -> Any:
        return np.array([self.vector(text) for text in texts], "<f4").reshape(-1, self.dimension)


def document(
    name: str, *texts: str, tenant_id: str | None = "acme", embedder: WordEmbedder | None = None
) -> CollectionDocument:
    embedder = embedder or WordEmbedder()
    passages = tuple(
        CollectionPassage(f"{name}#{number}", "", text, embedder.vector(text).tobytes())
        for number, text in enumerate(texts)
    )
    return CollectionDocument(DocumentKey(name, tenant_id), f"{name}.md", name, passages)
