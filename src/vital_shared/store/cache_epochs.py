"""Epochs that make cached answers stale: one of the documents, and one of invalidations.

Both are part of an answer's key. So when one grows, no process, on any machine, finds an older answer, and
no process has to be notified: each reads them again after a moment (`RECENT_SECONDS`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.store.cache_epoch_table import cache_epochs
from vital_shared.store.database import Database
from vital_shared.store.short_lived_cache import ShortLivedCache
from vital_shared.store.tables import knowledge_version
from vital_shared.store.upsert import upsert

__all__ = ["CacheEpochs", "Versions", "advance"]

ALL: Final = ""

_thrown_away = (
    select(func.coalesce(func.sum(cache_epochs.c.epoch), 0))
    .where(
        cache_epochs.c.tenant_id.in_((ALL, bindparam("tenant"))),
        cache_epochs.c.mode.in_((ALL, bindparam("mode"))),
        cache_epochs.c.agent_id.in_((ALL, bindparam("agent"))),
    )
    .scalar_subquery()
)
_current: Final = select(knowledge_version.c.version, _thrown_away.label("epoch"))


class Versions(NamedTuple):
    """Numbers that grow."""

    knowledge: int
    """A number that grows with each change of the documents."""
    epoch: int
    """A number that grows with each invalidation of answers like this."""


class CacheEpochs:
    """The number of times that the answers of a tenant, mode and agent were invalidated."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: ShortLivedCache[tuple[str, str, str], Versions] = ShortLivedCache()

    async def current(self, tenant_id: str, mode: WorkflowMode, agent_id: str) -> Versions:
        """Return the numbers for a question, as they are now or were a moment ago.

        :raises StoreError: when the database does not answer.
        """
        asked = tenant_id, mode.value, agent_id
        return await self._recent.get(asked, lambda: self._read(tenant_id, mode, agent_id))

    def forget(self) -> None:
        """Read the numbers anew: this process has changed documents."""
        self._recent.forget()

    async def _read(self, tenant_id: str, mode: WorkflowMode, agent_id: str) -> Versions:
        values = {"tenant": tenant_id, "mode": mode.value, "agent": agent_id}
        row = await self._database.read(lambda connection: connection.execute(_current, values).one())
        return Versions(row.version, int(row.epoch))

    async def advance(
        self, *, tenant_id: str | None = None, mode: WorkflowMode | None = None, agent_id: str | None = None
    ) -> None:
        """Delete cached answers: those of a tenant, a mode, an agent, of several of these, or all.

        :raises StoreError: when the database does not answer; then nothing has changed.
        """
        async with self._database.begin() as connection:
            await advance(
                connection, tenant=tenant_id or ALL, mode=mode.value if mode else ALL, agent=agent_id or ALL
            )
        self.forget()


async def advance(
    connection: AsyncConnection, *, tenant: str = ALL, mode: str = ALL, agent: str = ALL
) -> None:
    """Delete cached answers with what else the transaction changes; without arguments, all."""
    row = {"tenant_id": tenant, "mode": mode, "agent_id": agent}
    statement = upsert(cache_epochs, connection.dialect.name).values(**row, epoch=1)
    grown = {"epoch": cache_epochs.c.epoch + 1}
    await connection.execute(statement.on_conflict_do_update(index_elements=list(row), set_=grown))
