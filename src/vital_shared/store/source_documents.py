"""The state of the documents in external sources: stored there, or still missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select

from vital_shared.store.cache_epochs import advance
from vital_shared.store.chunk_embeddings import embedding_by
from vital_shared.store.database import Database
from vital_shared.store.source_tables import source_documents
from vital_shared.store.tables import chunks, documents
from vital_shared.store.upsert import upsert

__all__ = ["DocumentChunk", "DocumentVersion", "SourceDocuments"]

held = source_documents.c


class DocumentVersion(NamedTuple):
    """A document as it is, or was, at a time."""

    id: str
    tenant_id: str
    """`vital_shared.store.tables.SHARED` where all tenants share it."""
    uri: str
    title: str
    updated_at: datetime
    chunks: int


class DocumentChunk(NamedTuple):
    """A piece of a document."""

    document_id: str
    section: str
    text: str
    embedding: bytes | None


class SourceDocuments:
    """The ledger of each source's documents.

    A change is noted after the source has made it. The note throws cached answers away in the same
    transaction: they were given from what the source held before.

    :param source: name of the source.
    """

    def __init__(self, database: Database, source: str) -> None:
        self._database = database
        self._source = source

    async def outdated(self, index_id: str, *, limit: int) -> tuple[DocumentVersion, ...]:
        """Return documents that the index lacks or has in another version."""
        statement = self._outdated(index_id).order_by(documents.c.id).limit(limit)
        async with self._database.connect() as connection:
            return tuple(DocumentVersion._make(row) for row in await connection.execute(statement))

    async def gone(self, index_id: str, *, limit: int) -> dict[str, str]:
        """Return documents that the index holds and the store no longer has: their ids, with the tenants."""
        statement = self._gone(index_id).limit(limit)
        async with self._database.connect() as connection:
            return {row.document_id: row.tenant_id for row in await connection.execute(statement)}

    async def behind(self, index_id: str) -> int:
        """Return the number of documents that the index lacks, has in another version, or should not have."""
        missing = self._outdated(index_id).subquery()
        more = self._gone(index_id).subquery()
        async with self._database.connect() as connection:
            counts = select(
                select(func.count()).select_from(missing).scalar_subquery()
                + select(func.count()).select_from(more).scalar_subquery()
            )
            number: int = (await connection.execute(counts)).scalar_one()
            return number

    async def chunks_of(self, document_ids: Sequence[str], *, model: str) -> list[DocumentChunk]:
        """Return the chunks of documents, each document's in their order.

        :param model: name of the model of the embeddings, those by others being None; empty: the one in use.
        """
        columns = select(chunks.c.document_id, chunks.c.section, chunks.c.text, embedding_by(model))
        statement = columns.where(chunks.c.document_id.in_(document_ids)).order_by(chunks.c.id)
        async with self._database.connect() as connection:
            return [DocumentChunk._make(row) for row in await connection.execute(statement)]

    async def record(self, index_id: str, versions: Sequence[DocumentVersion]) -> None:
        """Note that the index holds these versions."""
        insert = upsert(source_documents, self._database.dialect)
        new = {name: insert.excluded[name] for name in ("tenant_id", "uri", "updated_at")}
        statement = insert.on_conflict_do_update(
            index_elements=["source", "index_id", "document_id"], set_=new
        )
        rows = [
            {
                "source": self._source,
                "index_id": index_id,
                "document_id": version.id,
                "tenant_id": version.tenant_id,
                "uri": version.uri,
                "updated_at": version.updated_at,
            }
            for version in versions
        ]
        async with self._database.begin() as connection:
            await connection.execute(statement, rows)
            await advance(connection)

    async def forget(self, index_id: str, document_ids: Sequence[str]) -> None:
        """Note that the index no longer holds these documents."""
        async with self._database.begin() as connection:
            await connection.execute(
                delete(source_documents).where(self._in(index_id), held.document_id.in_(document_ids))
            )
            await advance(connection)

    async def keep_only(self, index_id: str) -> None:
        """Forget all other indexes: searches are answered from this one."""
        async with self._database.begin() as connection:
            await connection.execute(
                delete(source_documents).where(held.source == self._source, held.index_id != index_id)
            )
            await advance(connection)

    async def holds_any(self) -> bool:
        """Return whether the source was ever filled."""
        async with self._database.connect() as connection:
            found = await connection.execute(select(exists().where(held.source == self._source)))
            return bool(found.scalar())

    def _in(self, index_id: str) -> ColumnElement[bool]:
        return and_(held.source == self._source, held.index_id == index_id)

    def _outdated(self, index_id: str) -> Select[tuple[str, str, str, str, datetime, int]]:
        columns = (getattr(documents.c, name) for name in DocumentVersion._fields)
        same = and_(self._in(index_id), held.document_id == documents.c.id)
        return (
            select(*columns)
            .join_from(documents, source_documents, same, isouter=True)
            .where(
                or_(
                    held.document_id.is_(None),
                    held.updated_at != documents.c.updated_at,
                    held.uri != documents.c.uri,
                )
            )
        )

    def _gone(self, index_id: str) -> Select[tuple[str, str]]:
        stays = exists().where(documents.c.id == held.document_id)
        return select(held.document_id, held.tenant_id).where(self._in(index_id), ~stays)
