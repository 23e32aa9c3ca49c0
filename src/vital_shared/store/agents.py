"""Agents: the profiles by which questions are answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, RowMapping, delete, select

from vital_shared.errors import Forbidden, NotFound
from vital_shared.models.agent import AgentProfile
from vital_shared.models.audit import AuditAction
from vital_shared.models.base import Frozen
from vital_shared.store.audit import AuditedChange, add_entry
from vital_shared.store.database import Database
from vital_shared.store.short_lived_cache import ShortLivedCache
from vital_shared.store.stored_json import read_json
from vital_shared.store.tables import SHARED, agents, owner
from vital_shared.store.upsert import upsert

__all__ = ["AgentStore", "StoredAgent"]

_MAX_NAMED_AGENTS = 10
"""The maximum number of agents that an error names."""


class StoredAgent(Frozen):
    """An agent, and its owner."""

    profile: AgentProfile
    tenant_id: str | None
    """None: shared by all tenants."""


class AgentStore:
    """The agents of all tenants and those that they share.

    A tenant's own agent hides the shared one with the same id.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: ShortLivedCache[tuple[str, str | None], AgentProfile] = ShortLivedCache()

    async def get(self, agent_id: str, *, tenant_id: str | None) -> AgentProfile:
        """Return the tenant's own agent, or else the shared one, as it is now or was a moment ago.

        :param tenant_id: the tenant of the request; None looks among the shared ones only.
        :raises NotFound: when there is neither; the message names those that there are.
        """
        return await self._recent.get((agent_id, tenant_id), lambda: self._read(agent_id, tenant_id))

    async def _read(self, agent_id: str, tenant_id: str | None) -> AgentProfile:
        statement = (
            select(agents)
            .where(agents.c.id == agent_id, _visible(tenant_id))
            .order_by(agents.c.tenant_id.desc())  # the shared one's is empty, and so comes last
            .limit(1)
        )
        row = await self._database.read(lambda connection: connection.execute(statement).mappings().first())
        if row is None:
            raise await self._not_found(agent_id, tenant_id)
        return _stored(row).profile

    async def list(self, *, tenant_id: str | None) -> tuple[StoredAgent, ...]:
        """Return the agents that a tenant may ask, by id; None is an administrator, who sees all of all."""
        statement = select(agents).order_by(agents.c.id, agents.c.tenant_id)
        if tenant_id is not None:
            statement = statement.where(_visible(tenant_id))
        async with self._database.connect() as connection:
            rows = (await connection.execute(statement)).mappings()
            found = [_stored(row) for row in rows]
        if tenant_id is None:
            return tuple(found)
        # Of two with the same id the tenant's own comes second, and takes the place of the shared one.
        return tuple({agent.profile.id: agent for agent in found}.values())

    async def save(self, profile: AgentProfile, *, tenant_id: str | None) -> None:
        """Store an agent, in place of the one with this id.

        :param tenant_id: its owner; None: shared by all, which only an administrator may ask for.
        """
        row = _row(profile, owner(tenant_id))
        statement = upsert(agents, self._database.dialect).values(row)
        changed = {"profile": row["profile"], "updated_at": row["updated_at"]}
        async with self._database.begin() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=changed)
            )
            await connection.run_sync(add_entry, _change("agent_saved", profile.id, tenant_id))
        self._recent.forget()

    async def delete(self, agent_id: str, *, tenant_id: str | None) -> None:
        """Delete an agent of the tenant's own; None is an administrator, who deletes a shared one.

        :raises NotFound: when there is none.
        :raises Forbidden: when only a shared one has this id, and a tenant asks.
        """
        own = agents.c.tenant_id == owner(tenant_id)
        async with self._database.begin() as connection:
            deleted = await connection.execute(
                delete(agents).where(agents.c.id == agent_id, own).returning(agents.c.id)
            )
            is_deleted = deleted.first() is not None
            if is_deleted:
                await connection.run_sync(add_entry, _change("agent_deleted", agent_id, tenant_id))
        self._recent.forget()
        if is_deleted:
            return
        await self.get(agent_id, tenant_id=tenant_id)  # raises NotFound
        raise Forbidden(
            f"The agent {agent_id} is shared by all tenants: an administrator may delete it, "
            "or save your own under the same id",
            field="agent_id",
        )

    async def add_missing(self, profiles: Sequence[AgentProfile]) -> None:
        """Store those shared agents that are not there; any number of processes may do so at once.

        One that was edited stays as it is. One that was deleted comes back: a shipped agent that
        nobody should use is edited, not deleted.
        """
        if not profiles:
            return
        statement = upsert(agents, self._database.dialect).values(
            [_row(profile, SHARED) for profile in profiles]
        )
        async with self._database.begin() as connection:
            await connection.execute(statement.on_conflict_do_nothing())
        self._recent.forget()

    async def _not_found(self, agent_id: str, tenant_id: str | None) -> NotFound:
        statement = select(agents.c.id).where(_visible(tenant_id)).distinct().order_by(agents.c.id)
        async with self._database.connect() as connection:
            found = await connection.execute(statement.limit(_MAX_NAMED_AGENTS + 1))
            names = found.scalars().all()
        more = ", …" if len(names) > _MAX_NAMED_AGENTS else ""
        hint = f"there are {', '.join(names[:_MAX_NAMED_AGENTS])}{more}" if names else "there are none yet"
        return NotFound(f"There is no agent {agent_id}: {hint}", field="agent_id")


def _change(action: AuditAction, agent_id: str, tenant_id: str | None) -> AuditedChange:
    return AuditedChange(action, agent_id, tenant_id, datetime.now(UTC))


def _visible(tenant_id: str | None) -> ColumnElement[bool]:
    """Return whether an agent is the tenant's own or shared; for None, only shared ones are."""
    return agents.c.tenant_id.in_((owner(tenant_id), SHARED))


def _row(profile: AgentProfile, holder: str) -> dict[str, object]:
    return {
        "tenant_id": holder,
        "id": profile.id,
        "profile": profile.model_dump_json(),
        "updated_at": datetime.now(UTC),
    }


def _stored(row: RowMapping) -> StoredAgent:
    profile = read_json(AgentProfile, row["profile"])
    return StoredAgent(profile=profile, tenant_id=row["tenant_id"] or None)
