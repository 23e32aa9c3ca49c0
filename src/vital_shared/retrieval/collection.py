"""Sources that can be written to: copies of the documents in another system, such as Postgres or Pinecone.

The knowledge store stays the record of which documents there are; a collection follows it (see
`vital_shared.retrieval.sources.sync`). Its passages stand in an *index*, made with one embedding model. When
the model changes, a second index is filled beside the first, which answers until `Collection.activate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from vital_shared.models.base import Frozen
from vital_shared.retrieval.base import Source

__all__ = [
    "Collection",
    "CollectionDocument",
    "CollectionIndex",
    "CollectionPassage",
    "DocumentKey",
    "IndexModel",
]


class IndexModel(NamedTuple):
    """The embedding model of an index."""

    embedder: str
    """Name of the model, as in `vital_shared.retrieval.embedding.Embedder.name`."""

    dimension: int


class CollectionIndex(Frozen):
    """An index of a collection, complete or being filled."""

    id: str
    """Unique for all time: an index that was lost and made anew has another id."""

    embedder: str
    dimension: int
    passages: int
    is_active: bool
    """Whether searches are answered from it."""
    is_current: bool = True
    """False for one that an earlier version has made, which finds less by words."""


class CollectionPassage(NamedTuple):
    """A passage as it is written."""

    id: str
    """The same for the same document and position, so that writing it again changes nothing."""

    section: str
    text: str
    embedding: bytes
    """Little-endian float32 values, normalised to length 1."""


class DocumentKey(NamedTuple):
    """A document in a collection."""

    id: str
    tenant_id: str | None
    """None: shared by all tenants."""


class CollectionDocument(NamedTuple):
    """A document with all its passages."""

    key: DocumentKey
    uri: str
    title: str
    passages: tuple[CollectionPassage, ...]


class Collection(Source, Protocol):
    """A source that can be written to.

    Every method but `aclose` raises `SourceError` where the system does not answer or refuses, in one
    sentence that says what to do. Writes may come twice, whole or in part, and are never wrong for it. A
    caller that is cancelled may call again.
    """

    @property
    def connections(self) -> tuple[int, int]:
        """The number of connections that there may be, and of those in use."""
        ...

    async def ping(self) -> None:
        """Ask for a sign of life; cheap enough for each probe of readiness."""
        ...

    async def indexes(self) -> tuple[CollectionIndex, ...]:
        """Return the indexes that there are; none before the first `prepare`."""
        ...

    async def prepare(self, model: IndexModel) -> CollectionIndex:
        """Return the newest index made with this model, or make one: with the schema, where there is none."""
        ...

    async def put(self, index_id: str, documents: Sequence[CollectionDocument]) -> None:
        """Write documents, each in place of all that the index has of it.

        Returns once a search can find them.

        :param documents: a batch, of one tenant or of several.
        """
        ...

    async def delete(self, index_id: str, documents: Sequence[DocumentKey]) -> None:
        """Delete documents with all their passages; those that are not there are passed over."""
        ...

    async def activate(self, index_id: str) -> None:
        """Answer searches from this complete index from now on, and drop the others."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
