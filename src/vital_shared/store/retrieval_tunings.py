"""The store of the tunings of retrieval, one for a tenant's documents, and one for all other tenants."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, select

from vital_shared.models.retrieval_tuning import StoredTuning
from vital_shared.store.cache_epochs import advance
from vital_shared.store.database import Database
from vital_shared.store.retrieval_tuning_table import retrieval_tunings
from vital_shared.store.short_lived_cache import ShortLivedCache
from vital_shared.store.stored_json import read_json
from vital_shared.store.tables import owner
from vital_shared.store.upsert import upsert

__all__ = ["RetrievalTuningStore"]

_BY_TENANT: Final = (
    select(retrieval_tunings.c.tuning)
    .where(retrieval_tunings.c.tenant_id.in_(("", bindparam("tenant"))))
    .order_by(retrieval_tunings.c.tenant_id.desc())
    .limit(1)
)


class RetrievalTuningStore:
    """The tunings, read by each search and so kept for a moment.

    :raises StoreError: from each method, when the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: ShortLivedCache[str, StoredTuning | None] = ShortLivedCache()

    async def find(self, tenant_id: str | None) -> StoredTuning | None:
        """Return the tuning of a tenant, else the one for all tenants, as it is now or was a moment ago."""
        return await self._recent.get(owner(tenant_id), lambda: self._read(owner(tenant_id)))

    async def put(self, tenant_id: str | None, stored: StoredTuning) -> None:
        """Keep a tuning in place of the one before; answers that were cached are not given again.

        :param tenant_id: None: for all tenants that have none of their own.
        """
        row = {"tenant_id": owner(tenant_id), "tuning": stored.model_dump_json()}
        async with self._database.begin() as connection:
            statement = upsert(retrieval_tunings, connection.dialect.name).values(row)
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["tenant_id"], set_={"tuning": statement.excluded.tuning}
                )
            )
            await advance(connection, tenant=owner(tenant_id))
        self._recent.forget()

    async def remove(self, tenant_id: str | None) -> bool:
        """Remove a tuning; return whether there was one."""
        statement = delete(retrieval_tunings).where(retrieval_tunings.c.tenant_id == owner(tenant_id))
        async with self._database.begin() as connection:
            removed = await connection.execute(statement)
            await advance(connection, tenant=owner(tenant_id))
        self._recent.forget()
        return removed.rowcount > 0

    async def all(self) -> dict[str, StoredTuning]:
        """Return the tunings by tenant; the empty name is the one for all tenants."""
        rows = select(retrieval_tunings).order_by(retrieval_tunings.c.tenant_id)
        async with self._database.connect() as connection:
            return {
                row.tenant_id: read_json(StoredTuning, row.tuning) for row in await connection.execute(rows)
            }

    async def _read(self, tenant: str) -> StoredTuning | None:
        text: str | None = await self._database.read(
            lambda connection: connection.execute(_BY_TENANT, {"tenant": tenant}).scalar()
        )
        return None if text is None else read_json(StoredTuning, text)
