"""The source ``supabase``: a collection in Postgres with pgvector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from uuid import uuid4

import numpy as np
import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.errors import ConfigurationError, SourceError, StoreError
from vital_shared.models.citation import Passage
from vital_shared.models.retrieval_tuning import RetrievalTuning
from vital_shared.retrieval.collection import (
    CollectionDocument,
    CollectionIndex,
    DocumentKey,
    IndexModel,
)
from vital_shared.retrieval.hybrid import CANDIDATES, merged
from vital_shared.retrieval.index.word_codes import language_in
from vital_shared.retrieval.sources.guard import SourceGuard
from vital_shared.retrieval.sources.supabase.schema import (
    SCHEMA,
    count_words,
    create_index_table,
    drop_index_table,
    index_for_search,
    migrate,
)
from vital_shared.retrieval.sources.supabase.statements import (
    TAKE_ROLE,
    WRITE_FOR,
    count_statement,
    delete_statement,
    insert_statement,
    keyword_statement,
    search_statement,
)
from vital_shared.retrieval.stems import SNOWBALL
from vital_shared.retrieval.tunings import Tunings, tuning_for
from vital_shared.store.database import Database
from vital_shared.store.keywords import match_expression
from vital_shared.store.short_lived_cache import ShortLivedCache
from vital_shared.store.tables import owner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vital_shared.retrieval.embedding import Embedder

__all__ = ["SupabaseSource"]

T = TypeVar("T")

VARIABLE: Final = "VITAL_SUPABASE_URL"
SEARCH_SECONDS: Final = 5.0
"""Seconds that a search waits for a connection and for a statement; runs give up sooner or then."""
WRITE_SECONDS: Final = 3_600.0
"""The same for writes: the indexes of many passages take long to build."""

_UNDEFINED: Final = frozenset({"3F000", "42P01", "42883"})
"""SQLSTATE of a schema, a table or a function that is not there (PostgreSQL, appendix A, "Error codes")."""

_INDEXES: Final = text(f"""
    SELECT number, id, embedder, dimension, is_active, coalesce((SELECT sum(passages)
        FROM {SCHEMA}.tenants WHERE index_number = number), 0)::bigint AS passages,
        coalesce((to_jsonb(indexes) ->> 'has_languages')::boolean, false) AS is_current
    FROM {SCHEMA}.indexes ORDER BY number""")
"""The column may be missing: the schema is migrated by the next `prepare`."""
_ACTIVE: Final = text(f"SELECT number, embedder, dimension FROM {SCHEMA}.indexes WHERE is_active")
_SAME_MODEL: Final = text(f"""
    SELECT id FROM {SCHEMA}.indexes
    WHERE embedder = :embedder AND dimension = :dimension AND has_languages
    ORDER BY is_active DESC, number DESC LIMIT 1""")
_NEW_INDEX: Final = text(f"""
    INSERT INTO {SCHEMA}.indexes (id, embedder, dimension, has_languages)
    VALUES (:id, :embedder, :dimension, true)
    RETURNING number""")
_NUMBER: Final = text(f"SELECT number FROM {SCHEMA}.indexes WHERE id = :id")
_IS_ACTIVE: Final = text(f"SELECT is_active FROM {SCHEMA}.indexes WHERE id = :id")
_OTHERS: Final = text(f"SELECT number FROM {SCHEMA}.indexes WHERE id <> :id")


class _ActiveIndex(NamedTuple):
    number: int
    embedder: str
    dimension: int


class SupabaseSource:
    """A source that finds passages by meaning (HNSW) and by words (full-text search) in one statement.

    :param url: an address of Postgres, directly or through a pooler such as PgBouncer.
    :param embedders: the installed models, by name.
    :param guard: leaves the server alone for a while when it fails.
    :param tunings: None: all tenants' documents are searched by the shipped tuning.
    :raises ConfigurationError: when the address cannot be used.
    """

    name = "supabase"

    def __init__(
        self,
        url: str,
        embedders: Mapping[str, Embedder],
        guard: SourceGuard,
        tunings: Tunings | None = None,
    ) -> None:
        self._tunings = tunings
        self._embedders = embedders
        self._guard = guard
        self._searching = Database(url, wait_seconds=SEARCH_SECONDS, variable=VARIABLE)
        self._writing = Database(url, wait_seconds=WRITE_SECONDS, variable=VARIABLE)
        self._active: ShortLivedCache[None, _ActiveIndex | None] = ShortLivedCache()
        if self._searching.dialect != "postgresql":
            raise ConfigurationError(
                f"{VARIABLE} is not the address of a Postgres server: write postgresql://user@host/name"
            )

    # Searching

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        """Find at most `limit` passages, best first, of the tenant's own and the shared documents.

        Finds nothing before the source was filled.

        :raises SourceError: when the server does not answer, or its index is of a model that is not here.
        :raises ConfigurationError: when the embedding model cannot be loaded.
        """
        tuning = await tuning_for(tenant_id, self._tunings)
        return await self.search_by(tuning, query, tenant_id=tenant_id, limit=limit)

    async def search_by(
        self, tuning: RetrievalTuning, query: str, *, tenant_id: str, limit: int
    ) -> tuple[Passage, ...]:
        """Search as `search` does, by this tuning in place of the one in force.

        :raises SourceError: when the server does not answer, or its index is of a model that is not here.
        :raises ConfigurationError: when the embedding model cannot be loaded.
        """
        async with self._guard.search(), _plain_errors():
            try:
                rows = await self._candidates(query, owner(tenant_id))
            except StoreError as error:
                if not _is_undefined(error):
                    raise
                self._active.forget()  # a new index has taken the place of the one that was read a moment ago
                rows = await self._candidates(query, owner(tenant_id))
        return _best(rows, limit, tuning.keyword_weight)

    async def _candidates(self, query: str, tenant: str) -> Sequence[RowMapping]:
        active = await self._active.get(None, self._read_active)
        if active is None:
            return ()
        embedder = self._embedder_of(active)
        words = match_expression(query.replace("\0", " "), "postgresql")
        values: dict[str, Any] = {"words": words, "candidates": CANDIDATES}
        if embedder is None:
            statement = keyword_statement(active.number)
        else:
            statement = search_statement(active.number)
            values["vector"] = _vector_text(await embedder.embed_query(query))
        async with self._searching.begin() as connection:
            await connection.execute(TAKE_ROLE, {"tenant": tenant})
            return (await connection.execute(statement, values | {"tenant": tenant})).mappings().all()

    async def _read_active(self) -> _ActiveIndex | None:
        try:
            async with self._searching.connect() as connection:
                row = (await connection.execute(_ACTIVE)).first()
        except StoreError as error:
            if _is_undefined(error):
                return None
            raise
        return None if row is None else _ActiveIndex(row.number, row.embedder, row.dimension)

    def _embedder_of(self, active: _ActiveIndex) -> Embedder | None:
        """Return the model of the index, or None where no models are installed: words alone then find.

        :raises SourceError: when another model is.
        """
        embedder = self._embedders.get(active.embedder)
        if self._embedders and (embedder is None or embedder.dimension != active.dimension):
            raise SourceError(
                f"The source {self.name} was filled with the embedding model {active.embedder} of "
                f"{active.dimension} dimensions, which is not installed here: "
                f"run `vital sources sync {self.name}`."
            )
        return embedder

    async def ping(self) -> None:
        """Ask for a sign of life."""
        async with _plain_errors():
            await self._searching.ping()

    # Writing

    async def indexes(self) -> tuple[CollectionIndex, ...]:
        """Return the indexes, oldest first."""
        async with _plain_errors():
            try:
                async with self._writing.connect() as connection:
                    rows = (await connection.execute(_INDEXES)).mappings().all()
            except StoreError as error:
                if not _is_undefined(error):
                    raise
                return ()
        return tuple(
            CollectionIndex.model_validate({name: row[name] for name in CollectionIndex.model_fields})
            for row in rows
        )

    async def prepare(self, model: IndexModel) -> CollectionIndex:
        """Return the newest index made with this model, or make one: with the schema, where there is none."""
        await self.ping()  # a server that is away is noticed sooner than by a write
        async with _plain_errors(), self._writing.begin() as connection:
            await migrate(connection)
            found = (await connection.execute(_SAME_MODEL, model._asdict())).scalar()
            if found is None:
                found = uuid4().hex
                new = await connection.execute(_NEW_INDEX, model._asdict() | {"id": found})
                await create_index_table(connection, new.scalar_one(), model.dimension)
            elif (await connection.execute(_IS_ACTIVE, {"id": found})).scalar_one():
                await count_words(connection, await _number(connection, found))
        return next(index for index in await self.indexes() if index.id == found)

    async def put(self, index_id: str, documents: Sequence[CollectionDocument]) -> None:
        """Write documents in one transaction, each in place of all that the index has of it."""
        async with self._writes(index_id) as (connection, number):
            for tenant, some in _by_tenant(documents, lambda document: document.key):
                await connection.execute(WRITE_FOR, {"tenant": tenant})
                gone = await _delete(connection, number, tenant, [document.key.id for document in some])
                rows = await asyncio.to_thread(_columns, some)
                if rows["ids"]:
                    await connection.execute(insert_statement(number), rows | {"tenant": tenant})
                more = {"tenant": tenant, "more": len(rows["ids"]) - gone}
                await connection.execute(count_statement(number), more)

    async def delete(self, index_id: str, documents: Sequence[DocumentKey]) -> None:
        """Delete documents in one transaction."""
        async with self._writes(index_id) as (connection, number):
            for tenant, some in _by_tenant(documents, lambda key: key):
                await connection.execute(WRITE_FOR, {"tenant": tenant})
                gone = await _delete(connection, number, tenant, [key.id for key in some])
                await connection.execute(count_statement(number), {"tenant": tenant, "more": -gone})

    async def activate(self, index_id: str) -> None:
        """Build the indexes of a filled table, and answer from it; the other tables are dropped."""
        async with _plain_errors(), self._writing.begin() as connection:
            await migrate(connection)
            number = await _number(connection, index_id)
            await index_for_search(connection, number)
            await connection.execute(text(f"UPDATE {SCHEMA}.indexes SET is_active = false WHERE is_active"))
            await connection.execute(
                text(f"UPDATE {SCHEMA}.indexes SET is_active = true WHERE id = :id"), {"id": index_id}
            )
            for other in (await connection.execute(_OTHERS, {"id": index_id})).scalars().all():
                await drop_index_table(connection, other)
            await connection.execute(text(f"DELETE FROM {SCHEMA}.indexes WHERE id <> :id"), {"id": index_id})
        self._active.forget()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._searching.aclose()
        await self._writing.aclose()

    @property
    def connections(self) -> tuple[int, int]:
        """The number of connections that there may be for searches, and of those in use."""
        return self._searching.connections

    @asynccontextmanager
    async def _writes(self, index_id: str) -> AsyncIterator[tuple[AsyncConnection, int]]:
        async with _plain_errors(), self._writing.begin() as connection:
            number = await _number(connection, index_id)
            await connection.execute(TAKE_ROLE, {"tenant": ""})
            yield connection, number


async def _number(connection: AsyncConnection, index_id: str) -> int:
    number: int | None = (await connection.execute(_NUMBER, {"id": index_id})).scalar()
    if number is None:
        raise SourceError(
            f"The source {SupabaseSource.name} no longer has the index {index_id}: "
            f"run `vital sources sync {SupabaseSource.name}` again."
        )
    return number


async def _delete(connection: AsyncConnection, number: int, tenant: str, documents: Sequence[str]) -> int:
    """Delete documents of a tenant, and return their number of passages; the tenant is locked first."""
    await connection.execute(count_statement(number), {"tenant": tenant, "more": 0})
    gone = await connection.execute(
        delete_statement(number), {"tenant": tenant, "documents": list(documents)}
    )
    return gone.rowcount


def _by_tenant(items: Iterable[T], key: Callable[[T], DocumentKey]) -> Iterator[tuple[str, list[T]]]:
    """Group by tenant, in one order for all writers: they lock tenants, and would wait for each other."""

    def tenant(item: T) -> str:
        return owner(key(item).tenant_id)

    for name, some in groupby(sorted(items, key=tenant), key=tenant):
        yield name, list(some)


def _columns(documents: Sequence[CollectionDocument]) -> dict[str, list[str]]:
    rows = [(document, passage) for document in documents for passage in document.passages]
    return {
        "ids": [passage.id for _, passage in rows],
        "documents": [document.key.id for document, _ in rows],
        "uris": [document.uri for document, _ in rows],
        "titles": [document.title for document, _ in rows],
        "sections": [passage.section for _, passage in rows],
        "texts": [passage.text for _, passage in rows],
        "languages": [SNOWBALL.get(language_in(passage.text), "english") for _, passage in rows],
        "embeddings": [_vector_text(np.frombuffer(passage.embedding, "<f4")) for _, passage in rows],
    }


def _vector_text(vector: NDArray[np.float32]) -> str:
    """Write a vector as pgvector reads it: ``[0.1,0.2]``."""
    return orjson.dumps(np.ascontiguousarray(vector), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _best(rows: Sequence[RowMapping], limit: int, keyword_weight: float) -> tuple[Passage, ...]:
    cosines = {row["id"]: float(row["cosine"]) for row in rows if "cosine" in row}
    keyword = {row["id"]: float(row["keyword"]) for row in rows if row["keyword"] is not None}
    scores = merged(cosines, keyword, keyword_weight=keyword_weight)
    best = sorted(rows, key=lambda row: (-scores[row["id"]], row["id"]))[:limit]
    return tuple(_passage(row, scores[row["id"]]) for row in best)


def _passage(row: RowMapping, score: float) -> Passage:
    return Passage(
        id=row["id"],
        document_id=row["document_id"],
        title=row["title"],
        source=SupabaseSource.name,
        uri=row["uri"],
        section=row["section"],
        text=row["text"],
        score=score,
    )


@asynccontextmanager
async def _plain_errors() -> AsyncIterator[None]:
    try:
        yield
    except StoreError as error:
        what = f"The source {SupabaseSource.name}: "
        raise SourceError(what + str(error)).detailed(what + error.for_operators) from error


def _is_undefined(error: StoreError) -> bool:
    """Return whether a schema, a table or a function is missing."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) in _UNDEFINED
