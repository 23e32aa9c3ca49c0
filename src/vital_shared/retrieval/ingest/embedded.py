"""Chunks with their embeddings, made in batches that outlast the process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.document_embedder import DocumentEmbedder
from vital_shared.retrieval.ingest.read import Contents
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.store.staged_embeddings import StagedEmbeddings

if TYPE_CHECKING:
    from vital_shared.retrieval.embedding import Embedder

__all__ = ["ChunkEmbedder", "EmbeddedChunks"]

BATCH_SIZE: Final = 32
"""Passages to embed in one call, between two reports of progress: half a second's work of two cores."""


class EmbeddedChunks(NamedTuple):
    """Chunks whose embeddings are all by one model."""

    model: str
    """Its name; empty: they have none."""
    chunks: Sequence[Chunk]


class ChunkEmbedder:
    """The embedder of documents' chunks.

    What is done of a long document is staged, so that it need not be done again when the process is killed.

    :param embedder: None where no model is installed: chunks stay without embeddings.
    :param uses_all_cores: embed passages side by side, where no questions are waiting for the same cores.
    """

    def __init__(
        self, embedder: DocumentEmbedder | Embedder | None, staged: StagedEmbeddings, *, uses_all_cores: bool
    ) -> None:
        self._embedder = embedder
        self._staged = staged
        self._uses_all_cores = uses_all_cores

    async def embed(self, contents: Contents, on_part: Callable[[float], None]) -> EmbeddedChunks:
        """Return a document's chunks with their embeddings.

        :param on_part: called with the part of them that is done.
        """
        if self._embedder is None:
            return EmbeddedChunks("", contents.chunks)
        listed = list(_batches(contents))
        embedder = self._embedder
        if isinstance(embedder, DocumentEmbedder):
            embedder = await embedder.choose(listed[0])
        batches = {_digest(embedder.name, texts): texts for texts in listed}
        done = await self._staged.get(batches) if len(batches) > 1 else {}
        embeddings: list[bytes] = []
        for digest, texts in batches.items():
            joined = done.get(digest)
            if joined is None:
                joined = await self._vectors(embedder, texts)
                if len(batches) > 1:
                    await self._staged.put(digest, joined)
            embeddings += _cut(joined, len(texts))
            on_part(len(embeddings) / len(contents.chunks))
        chunks = [
            chunk.model_copy(update={"embedding": embedding})
            for chunk, embedding in zip(contents.chunks, embeddings, strict=True)
        ]
        return EmbeddedChunks(embedder.name, chunks)

    async def forget(self, contents: Contents, model: str) -> None:
        """Remove what was staged of a document, now that it is stored with the embeddings of a model."""
        batches = list(_batches(contents))
        if model and len(batches) > 1:
            await self._staged.remove([_digest(model, texts) for texts in batches])

    async def _vectors(self, embedder: Embedder, texts: Sequence[str]) -> bytes:
        vectors = await embedder.embed_passages(texts, side_by_side=self._uses_all_cores)
        return vectors.astype("<f4").tobytes()


def _batches(contents: Contents) -> Iterator[list[str]]:
    texts = [passage_text(contents.title, chunk.section, chunk.text) for chunk in contents.chunks]
    for start in range(0, len(texts), BATCH_SIZE):
        yield texts[start : start + BATCH_SIZE]


def _digest(model: str, texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in (model, *texts):
        data = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


def _cut(joined: bytes, number: int) -> list[bytes]:
    size = len(joined) // number
    return [joined[start : start + size] for start in range(0, len(joined), size)]
