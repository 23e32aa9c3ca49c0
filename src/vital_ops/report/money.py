"""The cost of a period: by tenant, and against the budgets."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ai_engine.report.period import Period
from ai_engine.report.result import BudgetUse, TenantCost
from vital_shared.models.money import to_dollars
from vital_shared.store.account_tables import budgets, ledger, spending

__all__ = ["MAX_TENANTS", "PeriodCost", "budget_uses", "cost"]

MAX_TENANTS = 10
"""The tenants that are named."""


@dataclass(frozen=True, slots=True)
class PeriodCost:
    """The cost of a period."""

    rows: int
    """Rows of the ledger: without any there is nothing to report."""
    dollars: Decimal
    tenants: tuple[TenantCost, ...]
    """The tenants that have spent the most, the first one the most."""


async def cost(connection: AsyncConnection, period: Period, tenant_id: str | None) -> PeriodCost:
    """Add up the ledger of a period."""
    spent = func.coalesce(func.sum(ledger.c.cost_nanos), 0)
    within = [ledger.c.at >= period.start, ledger.c.at < period.end]
    if tenant_id is not None:
        within.append(ledger.c.tenant_id == tenant_id)
    rows, nanos = (await connection.execute(select(func.count(), spent).where(*within))).one()
    by_tenant = (
        select(ledger.c.tenant_id, spent)
        .where(*within)
        .group_by(ledger.c.tenant_id)
        .order_by(spent.desc(), ledger.c.tenant_id)
        .limit(MAX_TENANTS)
    )
    found = await connection.execute(by_tenant)
    tenants = tuple(_tenant(tenant, int(each), int(nanos)) for tenant, each in found)
    return PeriodCost(rows, to_dollars(int(nanos)), tenants)


def _tenant(tenant_id: str, nanos: int, of: int) -> TenantCost:
    return TenantCost(tenant_id=tenant_id, dollars=to_dollars(nanos), share=nanos / of if of else 0.0)


async def budget_uses(
    connection: AsyncConnection, period: Period, tenant_id: str | None
) -> tuple[BudgetUse, ...]:
    """Return the tenants that have a budget, with what they have spent; those nearest to it come first.

    Limits are those of now: earlier ones are not kept.
    """
    statement = _uses(period)
    if tenant_id is not None:
        statement = statement.where(budgets.c.tenant_id == tenant_id)
    uses = [
        BudgetUse(
            tenant_id=tenant,
            daily_limit_dollars=None if daily is None else to_dollars(daily),
            highest_day_dollars=to_dollars(int(highest)),
            monthly_limit_dollars=None if monthly is None else to_dollars(monthly),
            month_dollars=to_dollars(int(month)),
        )
        for tenant, daily, monthly, highest, month in await connection.execute(statement)
    ]
    return tuple(sorted(uses, key=lambda use: (-use.used, use.tenant_id)))


def _uses(period: Period) -> Select[str, int | None, int | None, int, int]:
    day, spent = spending.c.period, spending.c.cost_nanos
    begin_of_month = f"{period.month}-01"
    days = (
        select(
            spending.c.tenant_id,
            func.max(case((day >= period.first_day, spent), else_=0)).label("highest"),
            func.sum(case((day >= begin_of_month, spent), else_=0)).label("month"),
        )
        .where(
            func.length(day) == len("2026-11-25"),
            day >= min(period.first_day, begin_of_month),
            day <= period.last_day,
        )
        .group_by(spending.c.tenant_id)
        .subquery()
    )
    return (
        select(
            budgets.c.tenant_id,
            budgets.c.daily_nanos,
            budgets.c.monthly_nanos,
            func.coalesce(days.c.highest, 0),
            func.coalesce(days.c.month, 0),
        )
        .outerjoin(days, days.c.tenant_id == budgets.c.tenant_id)
        .where(budgets.c.daily_nanos.is_not(None) | budgets.c.monthly_nanos.is_not(None))
    )
