"""Budgets of tenants, and the calls that the cache has saved."""

from __future__ import annotations

from typing import Final

from vital_ops.dashboards.panel import INTERVAL, MODE, RANGE, TENANT, Limit, Panel, Query
from vital_ops.expressions.expression import QueryExpression
from vital_ops.promql import (
    increase,
    max_by,
    rate,
    ratio,
    recorded,
    select,
    sum_by,
    top,
)
from vital_ops.report.targets import CALLS_SAVED
from vital_ops.rules.recording import BUDGET_USED, LIMIT_LABELS, USAGE_LIMIT_USED
from vital_ops.rules.reliability import RELIABILITY_ALERTS, TENANT_BUDGET, USAGE_LIMIT
from vital_ops.thresholds import Thresholds
from vital_shared.monitoring.instrument import Gauge
from vital_shared.monitoring.metrics import (
    BUDGET_LIMIT_DOLLARS,
    BUDGET_SPENT_DOLLARS,
    LLM_CALLS_TOTAL,
    MONTH_FORECAST_DOLLARS,
    RESERVATIONS_EXCEEDED_TOTAL,
    USAGE_LIMIT_AMOUNT,
    USAGE_LIMIT_LEFT,
    USAGE_LIMIT_REFUSALS_TOTAL,
    USAGE_LIMIT_SPENT,
)

__all__ = ["budgets"]

MAX_TENANTS: Final = 10
"""Tenants whose forecast is drawn."""

_BY: Final = ("tenant_id", "period")


def budgets(thresholds: Thresholds) -> tuple[Panel, ...]:
    """Make the panels."""
    limit, spent = _budget(BUDGET_LIMIT_DOLLARS), _budget(BUDGET_SPENT_DOLLARS)
    used = ratio(spent, limit)
    return (
        Panel(
            key="budgets",
            title="Budgets of tenants",
            description="Are we under budget? Limit and spending of this day and month (UTC), by the ledger.",
            kind="table",
            queries=(
                Query(limit, "Limit"),
                Query(spent, "Spent"),
                Query(used, "Share used", "percentunit"),
            ),
            unit="currencyUSD",
            rows=_BY,
            if_empty="No tenant has a budget",
        ),
        Panel(
            key="budget_used",
            title="Share of budgets used",
            description="Spending as a share of the budget; at 100 % the tenant's requests are refused.",
            kind="lines",
            queries=(Query(recorded(BUDGET_USED, tenant_id=TENANT), "{{tenant_id}}, {{period}}"),),
            unit="percentunit",
            decimals=1,
            least=0,
            if_empty="No tenant has a budget",
            limit=_lines(thresholds, TENANT_BUDGET),
        ),
        Panel(
            key="llm_calls_saved",
            title="LLM calls saved by the cache",
            description="Model calls avoided by the cache, as a share of all that were needed.",
            kind="gauge",
            queries=(Query(ratio(_calls(cached="true"), _calls()), "saved"),),
            unit="percentunit",
            decimals=1,
            least=0,
            most=1,
            if_empty="No calls of models",
            limit=Limit(CALLS_SAVED, "above"),
        ),
        _month_forecast(),
        *_limits(thresholds),
    )


def _lines(thresholds: Thresholds, alert: str) -> Limit:
    """Draw the shares at which an alert of this name is sent; the greatest is the limit."""
    keys = (each.key for each in RELIABILITY_ALERTS if each.name == alert)
    *warnings, limit = sorted(thresholds[key].value for key in keys)
    return Limit(limit, "below", tuple(warnings))


def _limits(thresholds: Thresholds) -> tuple[Panel, ...]:
    """Make the panels of the limits of organisations, tenants, keys and users."""
    amount, spent, left = (
        max_by(select(gauge), *LIMIT_LABELS)
        for gauge in (USAGE_LIMIT_AMOUNT, USAGE_LIMIT_SPENT, USAGE_LIMIT_LEFT)
    )
    return (
        Panel(
            key="usage_limits",
            title="Limits of organisations, tenants, keys and users",
            description="What is left of the fifty limits of a day or a month that are used most? Dollars or "
            "tokens of the running period (UTC); of a tenant's keys and users the one that is used most.",
            kind="table",
            queries=(
                Query(amount, "Limit"),
                Query(spent, "Spent"),
                Query(left, "Left"),
                Query(ratio(spent, amount), "Share used", "percentunit"),
            ),
            unit="short",
            rows=LIMIT_LABELS,
            if_empty="There are no limits",
        ),
        Panel(
            key="usage_limits_used",
            title="Share of limits used",
            description="Spending as a share of the limit of a day or a month; what does not fit is refused.",
            kind="lines",
            queries=(Query(recorded(USAGE_LIMIT_USED), "{{level}} {{holder}}, {{unit}}, {{period}}"),),
            unit="percentunit",
            decimals=1,
            least=0,
            if_empty="There is no limit of a day or a month",
            limit=_lines(thresholds, USAGE_LIMIT),
        ),
        Panel(
            key="usage_limit_refusals",
            title="Requests refused by limits",
            description="Requests and parts of runs that a limit did not allow, by level and unit, and calls "
            "that have cost more than they had reserved.",
            kind="lines",
            queries=(
                Query(
                    sum_by(rate(USAGE_LIMIT_REFUSALS_TOTAL, INTERVAL), "level", "unit"),
                    "{{level}}, {{unit}}",
                ),
                Query(sum_by(rate(RESERVATIONS_EXCEEDED_TOTAL, INTERVAL)), "cost more than reserved"),
            ),
            unit="reqps",
            least=0,
        ),
    )


def _month_forecast() -> Panel:
    every = max_by(select(MONTH_FORECAST_DOLLARS), "tenant_id")
    mine = max_by(select(MONTH_FORECAST_DOLLARS, tenant_id=TENANT), "tenant_id")
    return Panel(
        key="month_forecast",
        title="Month-end forecast",
        description="Dollars spent when the month ends, by tenant and in all, as `vital report` has them.",
        kind="lines",
        queries=(
            Query(sum_by(every), "all tenants"),
            Query(top(MAX_TENANTS, mine), "{{tenant_id}}"),
        ),
        unit="currencyUSD",
    )


def _budget(gauge: Gauge) -> QueryExpression:
    """Every replica has the same figure, which counts once."""
    return max_by(select(gauge, tenant_id=TENANT), *_BY)


def _calls(**matches: str) -> QueryExpression:
    return sum_by(increase(LLM_CALLS_TOTAL, RANGE, mode=MODE, **matches))
