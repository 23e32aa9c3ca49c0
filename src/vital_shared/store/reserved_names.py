"""Values that have a name in metrics reserved, because they are configured in the store."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Select, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.models.agent import AgentProfile
from vital_shared.monitoring.metrics import AGENT, LIMIT_HOLDER, MODEL, TENANT
from vital_shared.store.account_tables import api_keys, budgets, spending
from vital_shared.store.fullest_limits import limit_holders
from vital_shared.store.stored_json import read_json
from vital_shared.store.tables import SHARED, agents

__all__ = ["ReservedNames"]

MONTH_CHARACTERS: Final = len("2026-11")


class ReservedNames:
    """A reader of tenants with keys or budgets, holders of limits, and agents with their models.

    Profiles are read only if they have changed.
    """

    def __init__(self) -> None:
        self._agents: list[tuple[str, str]] = []
        self._agents_as_of: tuple[object, ...] = ()

    async def read(self, connection: AsyncConnection) -> list[tuple[str, str]]:
        """Return labels' names and values, first what spends most, and shared agents before tenants' own."""
        tenants: list[str] = list(await connection.scalars(_known_tenants().limit(TENANT.limit)))
        holders = await connection.scalars(limit_holders().limit(LIMIT_HOLDER.limit))
        limits = [(LIMIT_HOLDER.name, holder) for holder in holders]
        as_of = (await connection.execute(select(func.count(), func.max(agents.c.updated_at)))).one()
        if tuple(as_of) != self._agents_as_of:
            self._agents = await self._read_agents(connection)
            self._agents_as_of = tuple(as_of)
        return [*[(TENANT.name, tenant) for tenant in tenants], *limits, *self._agents]

    async def _read_agents(self, connection: AsyncConnection) -> list[tuple[str, str]]:
        statement = select(agents.c.profile).order_by(agents.c.tenant_id, agents.c.id).limit(AGENT.limit)
        profiles = [read_json(AgentProfile, text) for text in await connection.scalars(statement)]
        models = [model for profile in profiles for model in (profile.model, *profile.fallbacks)]
        own = [(AGENT.name, profile.id) for profile in profiles]
        return list(dict.fromkeys([*own, *((MODEL.name, model) for model in models)]))


def _known_tenants() -> Select[tuple[str]]:
    known = union(
        select(api_keys.c.tenant_id).where(api_keys.c.revoked_at.is_(None), api_keys.c.tenant_id != SHARED),
        select(budgets.c.tenant_id),
    ).subquery()
    spent = select(func.sum(spending.c.cost_nanos)).where(
        spending.c.tenant_id == known.c.tenant_id, func.length(spending.c.period) == MONTH_CHARACTERS
    )
    return select(known.c.tenant_id).order_by(
        func.coalesce(spent.scalar_subquery(), 0).desc(), known.c.tenant_id
    )
