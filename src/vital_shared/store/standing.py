"""How a tenant stands to its limits, read in one statement, so that no run's end is half seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Function, Select, func, select

from vital_shared.models.limits import Allowance, Period, TenantStanding
from vital_shared.models.money import to_dollars
from vital_shared.store.account_tables import budgets, request_rates, reservations, spending
from vital_shared.store.periods import period_end, period_key

__all__ = ["PERIODS", "Account", "Budget", "accounts"]

PERIODS: Final[tuple[Period, ...]] = ("monthly", "daily")
"""The longer one first: of two budgets that are used up it is the one to tell of."""


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget of a tenant's, in nano-dollars."""

    period: Period
    limit: int
    spent: int
    reserved: int
    resets_at: datetime

    @property
    def left(self) -> int:
        """What is neither spent nor reserved."""
        return max(0, self.limit - self.spent - self.reserved)

    @property
    def allowance(self) -> Allowance:
        """The same in dollars."""
        return Allowance(
            limit_dollars=to_dollars(self.limit),
            spent_dollars=to_dollars(self.spent),
            left_dollars=to_dollars(self.left),
            resets_at=self.resets_at,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A row of `accounts`: a tenant that has limits."""

    tenant_id: str
    daily_nanos: int | None
    monthly_nanos: int | None
    requests_per_minute: int | None
    updated_at: datetime
    daily_spent: int
    monthly_spent: int
    reserved: int
    next_at: datetime | None
    """When its next request would come if all came evenly."""

    def budgets(self, now: datetime) -> tuple[Budget, ...]:
        """Return the budgets that it has."""
        figures: dict[Period, tuple[int | None, int]] = {
            "daily": (self.daily_nanos, self.daily_spent),
            "monthly": (self.monthly_nanos, self.monthly_spent),
        }
        # Postgres adds up whole numbers to a decimal.
        return tuple(
            Budget(period, limit, int(spent), int(self.reserved), period_end(period, now))
            for period in PERIODS
            for limit, spent in (figures[period],)
            if limit is not None
        )

    def standing(self, now: datetime) -> TenantStanding:
        """Return the whole for people."""
        allowances = {budget.period: budget.allowance for budget in self.budgets(now)}
        return TenantStanding(
            tenant_id=self.tenant_id,
            daily=allowances.get("daily"),
            monthly=allowances.get("monthly"),
            reserved_dollars=to_dollars(int(self.reserved)),
            requests_per_minute=self.requests_per_minute,
            updated_at=self.updated_at,
        )


def accounts(now: datetime) -> Select[tuple[str, int, int, int, datetime, int, int, int, datetime]]:
    """Select all tenants that have limits, as the fields of `Account`."""
    reserved = select(func.coalesce(func.sum(reservations.c.cost_nanos), 0)).where(
        reservations.c.tenant_id == budgets.c.tenant_id, reservations.c.expires_at > now
    )
    next_at = select(request_rates.c.next_at).where(request_rates.c.tenant_id == budgets.c.tenant_id)
    return select(
        budgets.c.tenant_id,
        budgets.c.daily_nanos,
        budgets.c.monthly_nanos,
        budgets.c.requests_per_minute,
        budgets.c.updated_at,
        _spent("daily", now).label("daily_spent"),
        _spent("monthly", now).label("monthly_spent"),
        reserved.scalar_subquery().label("reserved"),
        next_at.scalar_subquery().label("next_at"),
    )


def _spent(period: Period, now: datetime) -> Function[int]:
    of_tenant = spending.c.tenant_id == budgets.c.tenant_id
    found = select(func.sum(spending.c.cost_nanos)).where(
        of_tenant, spending.c.period == period_key(period, now)
    )
    return func.coalesce(found.scalar_subquery(), 0)
