"""A tenant's standing against its limits, read in one statement, so that no run's end is half seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Function, bindparam, func, select

from vital_shared.models.limits import Allowance, Period, TenantStanding
from vital_shared.models.money import to_dollars
from vital_shared.store.account_tables import budgets, request_rates, reservations, spending
from vital_shared.store.periods import period_end, period_key

__all__ = ["ACCOUNT", "ACCOUNTS", "PERIODS", "Budget", "TenantUsage", "at"]

PERIODS: Final[tuple[Period, ...]] = ("monthly", "daily")
"""The longer one first: of two budgets that are used up, it is the one to report."""


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
        """The part that is neither spent nor reserved."""
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
class TenantUsage:
    """A row of `ACCOUNTS`: a tenant that has limits."""

    tenant_id: str
    daily_nanos: int | None
    monthly_nanos: int | None
    requests_per_minute: int | None
    weight: int | None
    models: str | None
    """Separated by newlines."""

    updated_at: datetime
    daily_spent: int
    monthly_spent: int
    reserved: int
    next_at: datetime | None
    """The time of its next request if all came evenly."""

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
            weight=self.weight,
            models=None if self.models is None else tuple(self.models.split("\n")) if self.models else (),
            updated_at=self.updated_at,
        )


def _spent(period: str) -> Function[int]:
    found = select(func.sum(spending.c.cost_nanos)).where(
        spending.c.tenant_id == budgets.c.tenant_id,
        spending.c.period == bindparam(period, type_=spending.c.period.type),
    )
    return func.coalesce(found.scalar_subquery(), 0)


_RESERVED: Final = select(func.coalesce(func.sum(reservations.c.cost_nanos), 0)).where(
    reservations.c.tenant_id == budgets.c.tenant_id,
    reservations.c.expires_at > bindparam("at_work_by", type_=reservations.c.expires_at.type),
)

ACCOUNTS: Final = select(
    budgets,
    _spent("daily").label("daily_spent"),
    _spent("monthly").label("monthly_spent"),
    _RESERVED.scalar_subquery().label("reserved"),
    select(request_rates.c.next_at)
    .where(request_rates.c.tenant_id == budgets.c.tenant_id)
    .scalar_subquery()
    .label("next_at"),
)
"""The statement that selects the tenants that have limits, as the fields of `TenantUsage`, with
the parameters of `at`."""

ACCOUNT: Final = ACCOUNTS.where(budgets.c.tenant_id == bindparam("tenant_id", type_=budgets.c.tenant_id.type))
"""The same for one ``tenant_id``; made once, since it takes longer to make than to run."""


def at(now: datetime, at_work_by: datetime | None = None) -> dict[str, object]:
    """Return the parameters of the statements above.

    :param at_work_by: the time by which what a run has reserved counts no more; None: now.
    """
    return {"at_work_by": at_work_by or now, **{period: period_key(period, now) for period in PERIODS}}
