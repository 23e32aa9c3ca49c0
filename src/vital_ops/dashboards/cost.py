"""Cost Optimization: what is spent on what, and what is spared."""

from __future__ import annotations

from typing import Final

from vital_ops.config import OpsConfig
from vital_ops.dashboards.budgets import budgets
from vital_ops.dashboards.panel import (
    INTERVAL,
    MODE,
    RANGE,
    TENANT,
    WORKFLOW,
    Board,
    Limit,
    Panel,
    Query,
    Section,
)
from vital_ops.expressions.expression import QueryExpression
from vital_ops.promql import (
    calculate,
    in_brackets,
    increase_from_birth,
    max_by,
    rate,
    ratio,
    recorded,
    select,
    sum_by,
    top,
)
from vital_ops.report.targets import CALLS_SAVED
from vital_ops.rules.alerts import usual_cost
from vital_ops.rules.recording import COST_OF_DAY, COST_PER_HOUR
from vital_ops.thresholds import Threshold
from vital_ops.uids import COST
from vital_shared.monitoring.metrics import (
    COST_DOLLARS_TOTAL,
    COST_SAVED_DOLLARS_TOTAL,
    LLM_CALLS_TOTAL,
    LLM_TOKENS_TOTAL,
    RAG_RETRIEVALS_TOTAL,
    TENANT_SPENT_DOLLARS,
    TOOL_EXECUTIONS_TOTAL,
)

__all__ = ["cost"]

TOP_ROWS: Final = 10

HOUR: Final = "1h"

_mine: Final = {"mode": MODE, "tenant_id": TENANT}
_spent: Final = {**_mine, "workflow": WORKFLOW}


def cost(config: OpsConfig) -> Board:
    """Make it."""
    return Board(
        uid=COST,
        title="VITAL / Cost Optimization",
        description="For the finance team, engineering managers and CTOs: what is spent on what?",
        refresh="1m",
        since="now-24h",
        panels=(
            *_money(config.threshold("HighDailyCost")),
            *_use(),
            *_trend(config.threshold("SuddenCostSpike")),
        ),
        sections=(Section("Budgets and savings", budgets(config.thresholds)),),
    )


def _money(daily: Threshold) -> tuple[Panel, ...]:
    return (
        Panel(
            key="daily_cost",
            title="Estimated daily cost",
            description="The cost of a day at the pace of the last hour, and of the last 24 hours.",
            kind="lines",
            queries=(
                Query(
                    calculate(increase_from_birth(COST_DOLLARS_TOTAL, HOUR, **_spent), "*", 24),
                    "at this pace",
                ),
                Query(recorded(COST_OF_DAY), "the last 24 hours, of all"),
            ),
            unit="currencyUSD",
            limit=Limit(daily.value, "below"),
        ),
        Panel(
            key="cost_by_type",
            title="Cost breakdown",
            description="Models, tools and searches.",
            kind="pie",
            queries=(
                Query(increase_from_birth(COST_DOLLARS_TOTAL, RANGE, "cost_type", **_spent), "{{cost_type}}"),
            ),
            unit="currencyUSD",
        ),
        Panel(
            key="llm_calls",
            title="LLM API calls (cached vs non-cached)",
            description="Per second: calls made, and calls avoided by the cache.",
            kind="lines",
            queries=(
                Query(sum_by(rate(LLM_CALLS_TOTAL, INTERVAL, mode=MODE), "cached"), "cached {{cached}}"),
            ),
            unit="ops",
        ),
        Panel(
            key="cost_saved",
            title="Cost saved via cache",
            description="The cost that cache hits have avoided in the last hour, in dollars.",
            kind="lines",
            queries=(Query(increase_from_birth(COST_SAVED_DOLLARS_TOTAL, HOUR, **_mine), "saved an hour"),),
            unit="currencyUSD",
        ),
    )


def _use() -> tuple[Panel, ...]:
    return (
        Panel(
            key="tokens",
            title="Token usage (input/output)",
            description="Input, input from the provider's cache, and output, per second.",
            kind="lines",
            queries=(
                Query(sum_by(rate(LLM_TOKENS_TOTAL, INTERVAL, mode=MODE), "token_type"), "{{token_type}}"),
            ),
            unit="short",
        ),
        Panel(
            key="tool_executions",
            title="Tool executions",
            description="Each second, by tool.",
            kind="lines",
            queries=(Query(sum_by(rate(TOOL_EXECUTIONS_TOTAL, INTERVAL), "tool"), "{{tool}}"),),
            unit="ops",
        ),
        Panel(
            key="rag_retrievals",
            title="RAG retrievals",
            description="Each second, by source.",
            kind="lines",
            queries=(Query(sum_by(rate(RAG_RETRIEVALS_TOTAL, INTERVAL, mode=MODE), "source"), "{{source}}"),),
            unit="ops",
        ),
    )


def _most_spent(period: str) -> QueryExpression:
    spent = select(TENANT_SPENT_DOLLARS, period=period, tenant_id=TENANT)
    return top(TOP_ROWS, max_by(spent, "tenant_id"))


def _trend(spike: Threshold) -> tuple[Panel, ...]:
    spent = increase_from_birth(COST_DOLLARS_TOTAL, RANGE, **_mine)
    saved = increase_from_birth(COST_SAVED_DOLLARS_TOTAL, RANGE, **_mine)
    return (
        Panel(
            key="cost_by_mode",
            title="Cost per mode",
            description="Dollars in the time shown.",
            kind="table",
            queries=(Query(increase_from_birth(COST_DOLLARS_TOTAL, RANGE, "mode", **_spent), "Dollars"),),
            unit="currencyUSD",
            rows=("mode",),
        ),
        Panel(
            key="expensive_tenants",
            title="Most expensive tenants",
            description="Dollars since midnight and since the first of the month, in UTC, by the ledger.",
            kind="table",
            queries=(Query(_most_spent("day"), "Today"), Query(_most_spent("month"), "This month")),
            unit="currencyUSD",
            rows=("tenant_id",),
        ),
        Panel(
            key="cost_trend",
            title="Cost trend",
            description="Dollars of the last hour by type, and the total pace against the limit of a spike.",
            kind="lines",
            queries=(
                Query(increase_from_birth(COST_DOLLARS_TOTAL, HOUR, "cost_type", **_spent), "{{cost_type}}"),
                Query(recorded(COST_PER_HOUR), "all"),
                Query(calculate(spike.value, "*", usual_cost(spike)), "limit: a multiple of the usual"),
            ),
            unit="currencyUSD",
            least=0,
        ),
        Panel(
            key="cost_savings",
            title="Cost savings percentage",
            description="Money that the cache has saved, as a share of the cost without a cache.",
            kind="gauge",
            queries=(Query(ratio(saved, in_brackets(calculate(saved, "+", spent))), "saved"),),
            unit="percentunit",
            decimals=1,
            least=0,
            most=1,
            if_empty="Nothing was spent or saved",
            limit=Limit(CALLS_SAVED, "above"),
        ),
    )
