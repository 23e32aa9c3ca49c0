"""A collection on the local server, with vectors that a test chooses by words, and time that it lets pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.retrieval.sources.pinecone_server import API_KEY, PineconeServer, pinecone_server

from vital_shared.breaker import Breakers
from vital_shared.retrieval.collection import CollectionDocument, CollectionPassage, DocumentKey, IndexModel
from vital_shared.retrieval.sources.pinecone.collection import PineconeCollection
from vital_shared.retrieval.sources.pinecone.configured import pinecone_collection
from vital_shared.settings import Settings

__all__ = ["MODEL", "Subjects", "collection_on", "document", "filled", "pinecone_server"]

SUBJECTS = ("bees", "ships", "glass", "bread")
MODEL = IndexModel("subjects", len(SUBJECTS) + 1)


class Subjects:
    """An embedding by what a text is about."""

    name = MODEL.embedder
    dimension = MODEL.dimension

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return self.vector(text)

    @staticmethod
    def vector(text: str) -> NDArray[np.float32]:
        counts = np.array([*(text.lower().count(subject) for subject in SUBJECTS), 0.1], np.float32)
        vector: NDArray[np.float32] = counts / np.linalg.norm(counts)
        return vector


def document(name: str, *texts: str, tenant: str | None = "acme") -> CollectionDocument:
    return CollectionDocument(
        DocumentKey(name, tenant),
        f"{name}.md",
        f"On {name}",
        tuple(
            CollectionPassage(
                f"{name}-{number}", "Section", text, Subjects.vector(text).astype("<f4").tobytes()
            )
            for number, text in enumerate(texts)
        ),
    )


@asynccontextmanager
async def collection_on(
    server: PineconeServer,
    *,
    embedders: Mapping[str, Any] | None = None,
    breakers: Breakers | None = None,
    sleep: Any = None,
    key: str = API_KEY,
    **settings: Any,
) -> AsyncIterator[PineconeCollection]:
    """Make a collection; waiting for what was written lets the server show it."""

    async def settle(_seconds: float) -> None:
        server.settle()
        await asyncio.sleep(0)

    collection = pinecone_collection(
        Settings(pinecone_host=server.url, **settings),
        {Subjects.name: Subjects()} if embedders is None else embedders,
        breakers or Breakers(),
        {"PINECONE_API_KEY": key},
        hosted_models_url=server.url,
        sleep=sleep or settle,
    )
    try:
        yield collection
    finally:
        await collection.aclose()


async def filled(collection: PineconeCollection, documents: Sequence[CollectionDocument]) -> str:
    index = await collection.prepare(MODEL)
    await collection.put(index.id, documents)
    await collection.activate(index.id)
    return index.id
