"""A report: a manager's questions, each with its figure, its target and a verdict."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import ConfigDict, computed_field

from ai_engine.report.period import Period
from vital_shared.models.base import Frozen
from vital_shared.store.forecast import MonthForecasts

__all__ = ["BudgetUse", "Report", "ReportAnswer", "Section", "TenantCost", "Verdict"]

Section = Literal["performance", "cost", "trends"]
Verdict = Literal["met", "missed", "no data", "none"]
"""``none`` is for what has no target. Where there is no data, no target is met."""


class TenantCost(Frozen):
    """The spending of a tenant."""

    tenant_id: str
    dollars: Decimal
    share: float
    """Its share of all spending; 0 where nobody has spent anything."""


class BudgetUse(Frozen):
    """The spending of a tenant against its current budget."""

    tenant_id: str
    daily_limit_dollars: Decimal | None
    highest_day_dollars: Decimal
    """Its spending on the dearest of the days of UTC that the period touches."""

    monthly_limit_dollars: Decimal | None
    month_dollars: Decimal
    """Its spending in the month of the period's last day, up to that day."""

    model_config = ConfigDict(extra="ignore")
    """The computed field is in the JSON, and is made again when it is read."""

    @computed_field  # type: ignore[prop-decorator]  # mypy does not know decorated properties
    @property
    def is_over(self) -> bool:
        """Whether it has exceeded a limit."""
        return any(spent > limit for spent, limit in self._pairs)

    @property
    def used(self) -> float:
        """The larger share that it has used of a limit; a limit of 0 is more than used up by anything."""
        return max(_share(spent, limit) for spent, limit in self._pairs)

    @property
    def _pairs(self) -> tuple[tuple[Decimal, Decimal], ...]:
        both = (
            (self.highest_day_dollars, self.daily_limit_dollars),
            (self.month_dollars, self.monthly_limit_dollars),
        )
        return tuple((spent, limit) for spent, limit in both if limit is not None)


def _share(spent: Decimal, limit: Decimal) -> float:
    if limit:
        return float(spent / limit)
    return float("inf") if spent else 0.0


class ReportAnswer(Frozen):
    """The answer to one question."""

    section: Section
    question: str
    figure: str
    """In words."""

    value: float | None
    """The bare number: a share, seconds, a score or a count; None: there is none."""

    before: float | None = None
    """The same of the period before, where the question asks for a trend."""

    target: str
    verdict: Verdict


class Report(Frozen):
    """The answers to a manager's questions, for one period."""

    period: Period
    tenant_id: str | None
    """None: all tenants."""

    made_at: datetime
    answers: tuple[ReportAnswer, ...]
    tenants: tuple[TenantCost, ...]
    """The most expensive ones."""

    budgets: tuple[BudgetUse, ...]
    """All tenants that have a budget; those nearest to it come first."""

    forecast: MonthForecasts
    """The forecasts for the month of the period's last moment."""
