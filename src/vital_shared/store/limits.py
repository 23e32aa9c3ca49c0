"""The limits of tenants: what they may spend, how often they may ask and what of, and their shares."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import delete, select

from vital_shared.errors import NotFound
from vital_shared.models.limits import TenantLimits, TenantShare, TenantStanding
from vital_shared.models.money import to_nanos
from vital_shared.store.account_tables import budgets, request_rates
from vital_shared.store.admission import count_request
from vital_shared.store.audit import AuditedChange, add_entry
from vital_shared.store.database import Database
from vital_shared.store.rate import requests_left
from vital_shared.store.short_lived_cache import ShortLivedCache
from vital_shared.store.standing import ACCOUNT, ACCOUNTS, TenantUsage, at
from vital_shared.store.tables import owner
from vital_shared.store.upsert import upsert

__all__ = ["LimitStore"]


class LimitStore:
    """The limits of all tenants; a tenant without any is not limited. See `vital_shared.store.admission`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: ShortLivedCache[str, TenantShare] = ShortLivedCache()

    async def set(self, tenant_id: str, limits: TenantLimits, *, now: datetime) -> None:
        """Set the limits of a tenant, in place of those that it had; they hold from the next request on."""
        row = {
            "daily_nanos": None if limits.daily_dollars is None else to_nanos(limits.daily_dollars),
            "monthly_nanos": None if limits.monthly_dollars is None else to_nanos(limits.monthly_dollars),
            "requests_per_minute": limits.requests_per_minute,
            "weight": limits.weight,
            "models": None if limits.models is None else "\n".join(limits.models),
            "updated_at": now,
        }
        statement = upsert(budgets, self._database.dialect).values(tenant_id=owner(tenant_id), **row)
        async with self._database.begin() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=row))
            change = AuditedChange(
                "budget_set", tenant_id, tenant_id, now, details=limits.model_dump(mode="json")
            )
            await connection.run_sync(add_entry, change)
        self._recent.forget()

    async def count_request(self, tenant_id: str, *, now: datetime) -> None:
        """Count a request that costs nothing against the tenant's rate; a run counts itself.

        :raises RateLimited: when the tenant asks too often.
        """
        async with self._database.begin() as connection:
            await connection.run_sync(count_request, tenant_id, now)

    async def requests_left(self, tenant_ids: Collection[str], *, now: datetime) -> dict[str, int]:
        """Return the number of requests that would be admitted now, by tenant that has a rate limit."""
        statement = (
            select(budgets.c.tenant_id, budgets.c.requests_per_minute, request_rates.c.next_at)
            .outerjoin(request_rates, request_rates.c.tenant_id == budgets.c.tenant_id)
            .where(budgets.c.tenant_id.in_(tenant_ids), budgets.c.requests_per_minute.is_not(None))
        )
        async with self._database.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return {row.tenant_id: requests_left(row.next_at, now, row.requests_per_minute) for row in rows}

    async def share(self, tenant_id: str) -> TenantShare:
        """Return a tenant's share; it may be `RECENT_SECONDS` old."""
        return await self._recent.get(tenant_id, lambda: self._read_share(tenant_id))

    async def weight(self, tenant_id: str) -> int:
        """Return a tenant's weight among the others."""
        return (await self.share(tenant_id)).weight

    async def _read_share(self, tenant_id: str) -> TenantShare:
        statement = select(budgets.c.weight, budgets.c.models).where(budgets.c.tenant_id == tenant_id)
        row = await self._database.read(lambda connection: connection.execute(statement).first())
        if row is None:
            return TenantShare()
        return TenantShare(weight=row.weight or 1, models=frozenset((row.models or "").split("\n")) - {""})

    async def get(self, tenant_id: str, *, now: datetime) -> TenantStanding:
        """Return a tenant's limits, and how it stands to them.

        :raises NotFound: when it has none.
        """
        async with self._database.connect() as connection:
            row = (await connection.execute(ACCOUNT, at(now) | {"tenant_id": tenant_id})).mappings().first()
        if row is None:
            raise _not_limited(tenant_id)
        return TenantUsage(**row).standing(now)

    async def list(
        self, *, now: datetime, tenant_ids: Collection[str] | None = None
    ) -> tuple[TenantStanding, ...]:
        """Return the tenants that have limits, by their ids.

        :param tenant_ids: only these; None: all.
        """
        statement = ACCOUNTS.order_by(budgets.c.tenant_id)
        if tenant_ids is not None:
            statement = statement.where(budgets.c.tenant_id.in_(tenant_ids))
        async with self._database.connect() as connection:
            rows = (await connection.execute(statement, at(now))).mappings().all()
        return await asyncio.to_thread(lambda: tuple(TenantUsage(**row).standing(now) for row in rows))

    async def delete(self, tenant_id: str) -> None:
        """Remove a tenant's limits on requests and spending.

        :raises NotFound: when it has none.
        """
        statement = delete(budgets).where(budgets.c.tenant_id == tenant_id).returning(budgets.c.tenant_id)
        async with self._database.begin() as connection:
            if (await connection.execute(statement)).first() is None:
                raise _not_limited(tenant_id)
            await connection.execute(delete(request_rates).where(request_rates.c.tenant_id == tenant_id))
            change = AuditedChange("budget_deleted", tenant_id, tenant_id, datetime.now(UTC))
            await connection.run_sync(add_entry, change)
        self._recent.forget()


def _not_limited(tenant_id: str) -> NotFound:
    return NotFound(f"The tenant {tenant_id} has no limits: set some first", field="tenant_id")
