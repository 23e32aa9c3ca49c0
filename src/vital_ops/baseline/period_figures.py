"""All that is kept of a period: counts, from which every figure and its interval follow."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Double, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ai_engine.report.period import ReportPeriod
from vital_ops.report.calls import call_stats
from vital_ops.report.counts import Moments, RequestCount, RequestStats, request_stats
from vital_shared.models.base import Frozen
from vital_shared.models.money import NANOS
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database

__all__ = ["PeriodFigures", "period_figures"]


class PeriodFigures(Frozen):
    """The counts of a period; a baseline is stored as their JSON."""

    start: datetime
    end: datetime
    tenant_id: str | None
    """None: all tenants."""

    counts: tuple[RequestCount, ...]
    """Finished requests, with the histogram of their durations."""

    calls_made: int
    calls_spared: int
    run_dollars: float
    """Dollars that runs have cost."""

    run_dollars_squared: float
    """The sum of the squares of each run's dollars."""

    @property
    def requests(self) -> RequestStats:
        """The requests' figures."""
        return RequestStats(self.counts)

    @property
    def cost(self) -> Moments:
        """Dollars per request; one that the cache has answered costs nothing."""
        return Moments(self.requests.ended, self.run_dollars, self.run_dollars_squared)


async def period_figures(database: Database, span: ReportPeriod, tenant_id: str | None) -> PeriodFigures:
    """Read the figures of a period from the store.

    :raises StoreError: when the database is not there.
    """
    async with database.connect() as connection:
        requests = await request_stats(connection, span, tenant_id)
        calls = await call_stats(connection, span, tenant_id)
        dollars, squares = await _run_dollars(connection, span, tenant_id)
    return PeriodFigures(
        start=span.start,
        end=span.end,
        tenant_id=tenant_id,
        counts=requests.counts,
        calls_made=calls.made,
        calls_spared=calls.spared,
        run_dollars=dollars,
        run_dollars_squared=squares,
    )


async def _run_dollars(
    connection: AsyncConnection, span: ReportPeriod, tenant_id: str | None
) -> tuple[float, float]:
    dollars = cast(func.sum(ledger.c.cost_nanos), Double) / NANOS
    runs = (
        select(dollars.label("dollars"))
        .where(ledger.c.run_id.is_not(None), ledger.c.at >= span.start, ledger.c.at < span.end)
        .group_by(ledger.c.run_id)
    )
    if tenant_id is not None:
        runs = runs.where(ledger.c.tenant_id == tenant_id)
    each = runs.subquery().c.dollars
    found = (await connection.execute(select(func.sum(each), func.sum(each * each)))).one()
    return float(found[0] or 0), float(found[1] or 0)
