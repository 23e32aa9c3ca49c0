"""Chunks that are searched together: their numbers, owners, embeddings and words, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vital_shared.retrieval.index.postings import Allocate, Postings
from vital_shared.store.knowledge import StoredChunk

__all__ = ["Segment", "build", "in_memory", "join"]

FLOAT_BYTES: Final = 4
BLOCK: Final = 4_096
"""Rows of the matrix copied at once."""


class Segment(NamedTuple):
    """An immutable part of the index, so that any number of searches may read it."""

    ids: NDArray[np.int64]
    """Ids of the chunks, ascending."""
    tenants: tuple[str, ...]
    """The owners, each once."""
    owners: NDArray[np.int32]
    """Places in `tenants`."""
    is_embedded: NDArray[np.bool_]
    """Whether each row has an embedding of the model in use; that of the others is zero."""
    matrix: NDArray[np.float32]
    postings: Postings

    def owned_by(self, *tenants: str) -> NDArray[np.bool_]:
        """Return which rows belong to one of the tenants."""
        return np.isin(self.tenants, tenants)[self.owners]


def in_memory(name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:  # noqa: ARG001 - of a file
    """Allocate an array in memory."""
    return np.empty(shape, dtype)


def build(chunks: Sequence[StoredChunk], dimension: int) -> Segment:
    """Index chunks, of which there is at least one, in the order of their ids."""
    size = FLOAT_BYTES * dimension
    embeddings = [chunk.embedding or b"" for chunk in chunks]
    fitting = [bytes(each) if len(each) == size else bytes(size) for each in embeddings]
    tenants = tuple(dict.fromkeys(chunk.tenant_id for chunk in chunks))
    codes = {tenant: code for code, tenant in enumerate(tenants)}
    return Segment(
        ids=np.array([chunk.id for chunk in chunks], np.int64),
        tenants=tenants,
        owners=np.array([codes[chunk.tenant_id] for chunk in chunks], np.int32),
        is_embedded=np.array([len(each) == size > 0 for each in embeddings]),
        matrix=np.frombuffer(b"".join(fitting), "<f4").reshape(len(chunks), dimension),
        postings=Postings.of([(chunk.title, chunk.section, chunk.text) for chunk in chunks]),
    )


def join(
    segments: Sequence[Segment], kept: Sequence[NDArray[np.bool_]], allocate: Allocate = in_memory
) -> Segment:
    """Put segments of ascending ids together, leaving rows out."""
    number = sum(int(mask.sum()) for mask in kept)
    dimension = segments[0].matrix.shape[1]
    tenants = tuple(dict.fromkeys(tenant for segment in segments for tenant in segment.tenants))
    ids = allocate("ids", (number,), np.int64)
    owners = allocate("owners", (number,), np.int32)
    is_embedded = allocate("is_embedded", (number,), np.bool_)
    matrix = allocate("matrix", (number, dimension), np.float32)
    first = 0
    for segment, mask in zip(segments, kept, strict=True):
        codes = np.array([tenants.index(tenant) for tenant in segment.tenants], np.int32)
        rows = np.flatnonzero(mask)
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            target = slice(first, first + len(block))
            ids[target] = segment.ids[block]
            owners[target] = codes[segment.owners[block]]
            is_embedded[target] = segment.is_embedded[block]
            matrix[target] = segment.matrix[block]
            first += len(block)
    parts = [segment.postings.only(mask) for segment, mask in zip(segments, kept, strict=True)]
    return Segment(ids, tenants, owners, is_embedded, matrix, Postings.joined(parts, allocate))
