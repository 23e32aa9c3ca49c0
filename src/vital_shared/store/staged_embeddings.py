"""Embeddings of documents that are not stored yet, so that an ingestion that broke off goes on from there."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from vital_shared.store.database import Database
from vital_shared.store.staged_embedding_table import staged_embeddings
from vital_shared.store.upsert import upsert

__all__ = ["StagedEmbeddings"]

STAGED_LIFETIME: Final = timedelta(days=7)
"""The time during which an interrupted ingestion can be resumed."""

_MAX_BATCH_DIGESTS: Final = 500


class StagedEmbeddings:
    """Embeddings of batches of passages, by a digest of their texts and the model."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, digests: Collection[str]) -> dict[str, bytes]:
        """Return the embeddings that are there.

        :raises StoreError: when the database does not answer.
        """
        found: dict[str, bytes] = {}
        table = staged_embeddings.c
        async with self._database.connect() as connection:
            for some in _slices(digests):
                rows = await connection.execute(
                    select(table.digest, table.vectors).where(table.digest.in_(some))
                )
                found |= {row.digest: row.vectors for row in rows}
        return found

    async def put(self, digest: str, vectors: bytes) -> None:
        """Keep embeddings until their document is stored.

        :raises StoreError: when the database does not answer.
        """
        row = {"digest": digest, "vectors": vectors, "created_at": datetime.now(UTC)}
        statement = upsert(staged_embeddings, self._database.dialect).values(row).on_conflict_do_nothing()
        async with self._database.begin() as connection:
            await connection.execute(statement)

    async def remove(self, digests: Collection[str]) -> None:
        """Remove the embeddings of a document that is stored, and those that nobody came back for.

        :raises StoreError: when the database does not answer.
        """
        table = staged_embeddings.c
        async with self._database.begin() as connection:
            await connection.execute(
                delete(staged_embeddings).where(table.created_at < datetime.now(UTC) - STAGED_LIFETIME)
            )
            for some in _slices(digests):
                await connection.execute(delete(staged_embeddings).where(table.digest.in_(some)))


def _slices(digests: Collection[str]) -> list[list[str]]:
    """Cut into as many as one statement takes."""
    all_of_them = list(digests)
    return [
        all_of_them[first : first + _MAX_BATCH_DIGESTS]
        for first in range(0, len(all_of_them), _MAX_BATCH_DIGESTS)
    ]
