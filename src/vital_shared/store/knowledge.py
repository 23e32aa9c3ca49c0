"""Knowledge: documents, split into chunks, with their embeddings and a keyword index."""

from __future__ import annotations

import builtins
import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.errors import EmbeddingModelChanged, Forbidden, NotFound
from vital_shared.models.audit import AuditAction
from vital_shared.models.citation import Passage
from vital_shared.models.knowledge import Chunk, Document
from vital_shared.store.audit import AuditedChange, add_entry
from vital_shared.store.chunk_embeddings import embedding_by
from vital_shared.store.database import Database
from vital_shared.store.document_files import ClaimedFile, check_name, note_file
from vital_shared.store.keywords import match_expression, search_statement
from vital_shared.store.tables import SHARED, chunk_deletions, chunks, documents, knowledge_version, owner

__all__ = ["EmbeddedState", "KeywordHit", "KnowledgeStore", "StoredChunk"]

_BATCH_ROWS = 256
"""Chunks read at once: 0.6 MB, and a few milliseconds of the event loop."""

_KEPT_DELETIONS = 100_000
"""Deleted chunks that are remembered at least, for indexes that are behind."""

_VERSION: Final = select(knowledge_version.c.version)
_STATE: Final = select(knowledge_version.c.lineage, knowledge_version.c.embedding_model)

_PASSAGES: Final = (
    select(
        chunks.c.id,
        chunks.c.document_id,
        chunks.c.title,
        chunks.c.section,
        chunks.c.text,
        documents.c.uri,
    )
    .join_from(chunks, documents)
    .where(
        chunks.c.id.in_(bindparam("ids", expanding=True)),
        chunks.c.tenant_id.in_((bindparam("tenant"), SHARED)),
    )
)
"""Made once: it is executed with each search."""


class StoredChunk(NamedTuple):
    """A chunk as an index needs it."""

    id: int
    tenant_id: str
    """Empty: shared by all."""
    title: str
    section: str
    text: str
    embedding: bytes | None


class EmbeddedState(NamedTuple):
    """A state in which one model made all embeddings."""

    lineage: str
    """See `KnowledgeStore.lineage`."""
    model: str
    """See `KnowledgeStore.embedding_model`."""


class KeywordHit(NamedTuple):
    """A chunk that has words of the query."""

    chunk_id: int
    score: float
    """The larger, the better; comparable within one search only."""


class KnowledgeStore:
    """The documents of all tenants and those that they share.

    Where a tenant is asked for, it sees its own and the shared ones; None is an administrator, who
    sees all. Chunks are numbered in the order in which they are committed, and no number comes twice.

    :param changed: called when this process has changed a document.
    """

    def __init__(self, database: Database, changed: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._changed = changed
        self._search = search_statement(database.dialect)

    @property
    def database(self) -> Database:
        """The database of the documents."""
        return self._database

    async def replace(
        self,
        *,
        tenant_id: str | None,
        uri: str,
        title: str,
        content_hash: str,
        media_type: str,
        chunks: Sequence[Chunk],
        model: str = "",
        notes: Sequence[str] = (),
        file: ClaimedFile | None = None,
    ) -> Document:
        """Store a document in place of the one with this tenant and uri, whose id it keeps, or as a new one.

        :param tenant_id: its owner; None: shared by all.
        :param model: the name of the embeddings' model; empty: there are none.
        :param notes: sentences about what of the document was not read.
        :param file: the file that it was read from.
        :raises NameTaken: when another file has a document of this name.
        :raises EmbeddingModelChanged: when the other documents are embedded with another model.
        :raises StoreError: when the database does not answer.
        Then nothing has changed.
        """
        async with self._database.begin() as connection:
            await _bump_version(connection)
            await _check_model(connection, model)
            if file is not None:
                await check_name(connection, file, tenant_id=tenant_id, uri=uri)
            older = await connection.execute(
                delete(documents)
                .where(documents.c.tenant_id == owner(tenant_id), documents.c.uri == uri)
                .returning(documents.c.id)
            )
            older_id: str | None = older.scalar()
            document = Document(
                id=older_id or uuid4().hex,
                tenant_id=tenant_id,
                uri=uri,
                title=title,
                content_hash=content_hash,
                media_type=media_type,
                chunks=len(chunks),
                updated_at=datetime.now(UTC),
                notes=tuple(notes),
            )
            await _insert(connection, document, chunks)
            if file is not None:
                await note_file(connection, document.id, file.path, tenant_id=tenant_id)
            action: AuditAction = "document_replaced" if older_id else "document_added"
            await connection.run_sync(add_entry, _change(action, document.id, tenant_id))
            await _forget_deletions(connection)
        self._changed()
        return document

    async def find(self, *, tenant_id: str | None, uri: str) -> Document | None:
        """Return the document with exactly this tenant (None: the shared one) and uri."""
        return await self._first(documents.c.tenant_id == owner(tenant_id), documents.c.uri == uri)

    async def find_by_hash(self, *, tenant_id: str | None, content_hash: str) -> Document | None:
        """Return the newest document with exactly this tenant (None: the shared one) and content."""
        return await self._first(
            documents.c.tenant_id == owner(tenant_id), documents.c.content_hash == content_hash
        )

    async def has_embeddings(self, document_id: str) -> bool:
        """Return whether every chunk of the document has an embedding."""
        missing = exists().where(chunks.c.document_id == document_id, embedding_by("").is_(None))
        return not await self._database.read(lambda one: one.execute(select(missing)).scalar_one())

    async def get(self, document_id: str, *, tenant_id: str | None) -> Document:
        """Return a document that the tenant may see.

        :raises NotFound: when there is none.
        """
        document = await self._first(documents.c.id == document_id, _visible(documents, tenant_id))
        if document is None:
            raise _not_found(document_id)
        return document

    async def list(
        self, *, tenant_id: str | None, limit: int = 1000, offset: int = 0
    ) -> tuple[Document, ...]:
        """Return the documents that the tenant may see, by uri."""
        statement = select(documents).where(_visible(documents, tenant_id)).limit(limit).offset(offset)
        async with self._database.connect() as connection:
            rows = await connection.execute(statement.order_by(documents.c.uri, documents.c.id))
            return tuple(_document(row) for row in rows.mappings())

    async def delete(self, document_id: str, *, tenant_id: str | None) -> None:
        """Delete a document of the tenant's own; an administrator (None) may delete any.

        :raises NotFound: when the tenant sees no such document.
        :raises Forbidden: when it is shared, and a tenant asks.
        """
        async with self._database.begin() as connection:
            await _bump_version(connection)
            found = await connection.execute(
                select(documents.c.tenant_id).where(
                    documents.c.id == document_id, _visible(documents, tenant_id)
                )
            )
            holder = found.scalar()
            if holder is None:
                raise _not_found(document_id)
            if tenant_id is not None and holder == SHARED:
                raise Forbidden(
                    f"The document {document_id} is shared by all tenants: an administrator may delete it",
                    field="document_id",
                )
            await connection.execute(delete(documents).where(documents.c.id == document_id))
            await connection.run_sync(add_entry, _change("document_deleted", document_id, holder or None))
            await _forget_model_if_empty(connection)
            await _forget_deletions(connection)
        self._changed()

    async def version(self) -> int:
        """Return a number that grows with each change of anything."""

        def read(connection: Connection) -> int:
            number: int = connection.execute(_VERSION).scalar_one()
            return number

        return await self._database.read(read)

    async def embedding_model(self) -> str:
        """Return the name of the model that passages are embedded with; empty: none was chosen yet."""
        async with self._database.connect() as connection:
            name = await connection.execute(select(knowledge_version.c.embedding_model))
            return name.scalar_one() or ""

    async def embedded_state(self) -> EmbeddedState:
        """Return the model that passages are embedded with, and the lineage."""
        lineage, model = await self._database.read(lambda connection: connection.execute(_STATE).one())
        return EmbeddedState(lineage, model or "")

    async def keep_embedding_model(self, name: str) -> str:
        """Keep the name of the model, unless another process was sooner; return the name that is kept."""
        column = knowledge_version.c.embedding_model
        async with self._database.begin() as connection:
            await connection.execute(
                update(knowledge_version).where(column.is_(None)).values(embedding_model=name)
            )
            kept: str = (await connection.execute(select(column))).scalar_one()
            return kept

    async def partly_read_count(self) -> int:
        """Return the number of documents of all tenants of which a part was not read."""
        statement = select(func.count()).select_from(documents).where(documents.c.notes != "[]")
        async with self._database.connect() as connection:
            number: int = (await connection.execute(statement)).scalar_one()
            return number

    async def passage_count(self) -> int:
        """Return the number of chunks of all tenants."""
        async with self._database.connect() as connection:
            number: int = (await connection.execute(select(func.count()).select_from(chunks))).scalar_one()
            return number

    async def keyword_search(self, query: str, *, tenant_id: str, limit: int) -> tuple[KeywordHit, ...]:
        """Find chunks that have any word of the query, best first, among those that the tenant may see.

        Any text is a valid query; its first 64 words count.
        """
        words = match_expression(query, self._database.dialect)
        values = {"words": words, "tenant": owner(tenant_id), "limit": limit}
        if not words:
            return ()
        async with self._database.connect() as connection:
            rows = await connection.execute(self._search, values)
            return tuple(KeywordHit(row.id, row.score) for row in rows)

    async def passages(self, chunk_ids: Sequence[int], *, tenant_id: str) -> dict[int, Passage]:
        """Return the passages of those chunks that are there and that the tenant may see."""
        if not chunk_ids:
            return {}
        values = {"ids": list(chunk_ids), "tenant": owner(tenant_id)}

        def read(connection: Connection) -> dict[int, Passage]:
            rows = connection.execute(_PASSAGES, values).mappings()
            return {row["id"]: _passage(row) for row in rows}

        return await self._database.read(read)

    async def chunks_of(
        self, document_id: str, *, tenant_id: str | None, limit: int, offset: int
    ) -> tuple[Chunk, ...]:
        """Return a part of a document that the tenant may see, in its order, without embeddings."""
        statement = (
            select(chunks.c.section, chunks.c.text)
            .where(chunks.c.document_id == document_id, _visible(chunks, tenant_id))
            .order_by(chunks.c.id)
            .limit(limit)
            .offset(offset)
        )
        async with self._database.connect() as connection:
            rows = await connection.execute(statement)
            return tuple(Chunk(section=row.section, text=row.text) for row in rows)

    async def chunk_ids(self) -> set[int]:
        """Return the ids of all chunks of all tenants."""
        async with self._database.connect() as connection:
            return set((await connection.execute(select(chunks.c.id))).scalars())

    async def chunks(
        self, *, after_id: int = 0, model: str = ""
    ) -> AsyncIterator[builtins.list[StoredChunk]]:
        """Give the chunks of all tenants, in batches, with ascending ids above `after_id`.

        :param model: name of the model of the embeddings; those by others are None. Empty: the one in use.
        """
        columns = [chunks.c[name] for name in StoredChunk._fields if name != "embedding"]
        statement = select(*columns, embedding_by(model)).order_by(chunks.c.id).limit(_BATCH_ROWS)
        while True:
            async with self._database.connect() as connection:
                rows = (await connection.execute(statement.where(chunks.c.id > after_id))).all()
            if rows:
                yield [StoredChunk._make(row) for row in rows]
            if len(rows) < _BATCH_ROWS:
                return
            after_id = rows[-1].id

    async def deleted_chunks(self, *, after_version: int) -> set[int] | None:
        """Return the ids of the chunks deleted after a version; None where that was forgotten since."""
        log = chunk_deletions.c
        async with self._database.connect() as connection:
            rows = await connection.execute(select(log.chunk_id).where(log.version > after_version))
            deleted = set(rows.scalars())
            # Afterwards: what is forgotten between the two is missed then.
            (oldest,) = await connection.execute(select(func.min(log.id), func.min(log.version)))
        first_id, first_version = oldest
        return deleted if first_id in (None, 1) or first_version <= after_version else None

    async def lineage(self) -> str:
        """Return a name that no other database's documents have; another after they were embedded anew."""
        async with self._database.connect() as connection:
            name: str = (await connection.execute(select(knowledge_version.c.lineage))).scalar_one()
            return name

    async def _first(self, *conditions: ColumnElement[bool]) -> Document | None:
        statement = select(documents).where(*conditions).order_by(documents.c.updated_at.desc()).limit(1)
        row = await self._database.read(lambda connection: connection.execute(statement).mappings().first())
        return None if row is None else _document(row)


def _change(action: AuditAction, document_id: str, tenant_id: str | None) -> AuditedChange:
    return AuditedChange(action, document_id, tenant_id, datetime.now(UTC))


async def _bump_version(connection: AsyncConnection) -> None:
    """Count a change.

    The first statement of every change: its row is locked until the commit, so that changes come
    one after another and chunk ids are committed in their order.
    """
    version = knowledge_version.c.version
    await connection.execute(update(knowledge_version).values({version: version + 1}))


async def _check_model(connection: AsyncConnection, model: str) -> None:
    """Keep the model where none is, or check that it is that one; afterwards its row is locked."""
    if not model:
        return
    column = knowledge_version.c.embedding_model
    kept = func.coalesce(column, model)
    result = await connection.execute(update(knowledge_version).values({column: kept}).returning(column))
    if (in_use := result.scalar_one()) != model:
        raise EmbeddingModelChanged(f"The documents are embedded with {in_use} by now, not with {model}.")


async def _forget_deletions(connection: AsyncConnection) -> None:
    """Leave the newest; at least one stays, so that nobody takes a log that was cut for a whole one."""
    last = select(func.max(chunk_deletions.c.id)).scalar_subquery()
    await connection.execute(delete(chunk_deletions).where(chunk_deletions.c.id <= last - _KEPT_DELETIONS))


async def _forget_model_if_empty(connection: AsyncConnection) -> None:
    """Let the next first document choose its embedding model."""
    empty = ~exists().where(documents.c.id.is_not(None))
    await connection.execute(update(knowledge_version).where(empty).values(embedding_model=None))


async def _insert(connection: AsyncConnection, document: Document, pieces: Sequence[Chunk]) -> None:
    holder = owner(document.tenant_id)
    row = document.model_dump() | {"tenant_id": holder, "notes": json.dumps(document.notes)}
    await connection.execute(insert(documents).values(row))
    common = {"document_id": document.id, "tenant_id": holder, "title": document.title}
    rows = [common | piece.model_dump() for piece in pieces]
    if rows:
        await connection.execute(insert(chunks), rows)


def _visible(table: Table, tenant_id: str | None) -> ColumnElement[bool]:
    return true() if tenant_id is None else table.c.tenant_id.in_((owner(tenant_id), SHARED))


def _not_found(document_id: str) -> NotFound:
    return NotFound(
        f"There is no document {document_id}: list the documents to see their ids", field="document_id"
    )


def _document(row: RowMapping) -> Document:
    notes = tuple(json.loads(row["notes"]))
    return Document.model_validate(dict(row) | {"tenant_id": row["tenant_id"] or None, "notes": notes})


def _passage(row: RowMapping) -> Passage:
    return Passage(
        id=str(row["id"]),
        document_id=row["document_id"],
        title=row["title"],
        source="memory",
        uri=row["uri"],
        section=row["section"],
        text=row["text"],
        score=0.0,
    )
