"""Embeddings of the stored chunks by several models, of which one is in use.

A chunk comes with an embedding by the model that is in use then. When all chunks have an embedding by another
model beside it, that model takes over, in one transaction that writes no embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, case, delete, exists, func, insert, literal, or_, select, update

from vital_shared.store.chunk_embedding_table import chunk_embeddings
from vital_shared.store.database import Database
from vital_shared.store.tables import chunks, knowledge_version

__all__ = ["ChunkEmbeddings", "ChunkText", "embedding_by"]

BATCH_REMOVED_ROWS: Final = 1_000

table = chunk_embeddings.c
version = knowledge_version.c


class ChunkText(NamedTuple):
    """A chunk without an embedding by some model."""

    id: int
    title: str
    section: str
    text: str


def embedding_by(model: str) -> ColumnElement[bytes | None]:
    """Return the column of the chunks' embeddings by a model; NULL where there is none.

    :param model: its name; empty: the one in use.
    """
    in_use = select(version.embedding_model).scalar_subquery()
    wanted = literal(model) if model else in_use
    beside = (
        select(table.embedding).where(table.chunk_id == chunks.c.id, table.model == wanted).scalar_subquery()
    )
    is_in_use = or_(in_use.is_(None), in_use == wanted)
    return func.coalesce(beside, case((is_in_use, chunks.c.embedding)))


class ChunkEmbeddings:
    """The embeddings by a model that is to take over.

    :param model: its name.
    :raises StoreError: from each method, when the database does not answer.
    """

    def __init__(self, database: Database, model: str) -> None:
        self._database = database
        self._model = model
        self._is_missing = ~exists().where(table.chunk_id == chunks.c.id, table.model == model)

    async def missing_count(self) -> int:
        """Return the number of chunks that have no embedding by the model."""
        statement = select(func.count()).select_from(chunks).where(self._is_missing)
        async with self._database.connect() as connection:
            number: int = (await connection.execute(statement)).scalar_one()
            return number

    async def missing(self, *, after_id: int, limit: int) -> list[ChunkText]:
        """Return chunks with ascending ids above `after_id` that have no embedding by the model."""
        columns = select(*(chunks.c[name] for name in ChunkText._fields))
        statement = columns.where(chunks.c.id > after_id, self._is_missing).order_by(chunks.c.id)
        async with self._database.connect() as connection:
            return [ChunkText._make(row) for row in await connection.execute(statement.limit(limit))]

    async def put(self, embeddings: Mapping[int, bytes]) -> int:
        """Add embeddings by the ids of their chunks, of those that were not deleted; return their number."""
        async with self._database.begin() as connection:
            # Every change of documents locks this row first, so none is deleted from here on.
            await connection.execute(select(version.id).with_for_update())
            kept = await connection.scalars(select(chunks.c.id).where(chunks.c.id.in_(embeddings)))
            rows = [
                {"chunk_id": chunk_id, "model": self._model, "embedding": embeddings[chunk_id]}
                for chunk_id in kept
            ]
            if rows:
                await connection.execute(insert(chunk_embeddings), rows)
        return len(rows)

    async def take_over(self) -> bool:
        """Use the model from now on; False: not yet, since some chunk has no embedding by it.

        The documents count as changed, and get another lineage, since no index of them is valid any more.
        """
        async with self._database.begin() as connection:
            await connection.execute(select(version.id).with_for_update())
            if (await connection.execute(select(exists(chunks.c.id).where(self._is_missing)))).scalar_one():
                return False
            await connection.execute(
                update(knowledge_version).values(
                    version=version.version + 1, lineage=uuid4().hex, embedding_model=self._model
                )
            )
        return True

    async def remove_others(self) -> None:
        """Remove the embeddings by other models that are beside, a few at a time."""
        others = table.model != self._model
        some = select(table.chunk_id).where(others).limit(BATCH_REMOVED_ROWS)
        while True:
            async with self._database.begin() as connection:
                removed = await connection.execute(
                    delete(chunk_embeddings).where(others, table.chunk_id.in_(some))
                )
            if not removed.rowcount:
                return
