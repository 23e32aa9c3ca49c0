"""The tenants' spending in the running day and month, in UTC."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import select

from vital_shared.models.limits import Period
from vital_shared.store.account_tables import spending
from vital_shared.store.database import Database
from vital_shared.store.periods import period_key

__all__ = ["read_spending"]

PERIODS: Final[tuple[Period, ...]] = ("daily", "monthly")


async def read_spending(
    database: Database, tenant_ids: Collection[str], *, now: datetime
) -> dict[tuple[str, str], int]:
    """Return nano-dollars by tenant and period; what is missing is 0."""
    periods = {period_key(period, now): period for period in PERIODS}
    columns = spending.c
    statement = select(spending).where(columns.period.in_(periods), columns.tenant_id.in_(tenant_ids))
    async with database.connect() as connection:
        rows = await connection.execute(statement)
        return {(row.tenant_id, periods[row.period]): row.cost_nanos for row in rows}
