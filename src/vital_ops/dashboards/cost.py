"""Cost Optimization: what is spent on what, and what is spared."""

from __future__ import annotations

from typing import Final

from vital_ops.config import Thresholds
from vital_ops.dashboards.panel import INTERVAL, MODE, RANGE, TENANT, Board, Limit, Panel, Query
from vital_ops.promql import increase, rate, ratio, sum_by
from vital_ops.report.targets import CALLS_SAVED
from vital_ops.rules.recording import COST_OF_DAY
from vital_ops.uids import COST
from vital_shared.monitoring.metrics import (
    COST_DOLLARS_TOTAL,
    COST_SAVED_DOLLARS_TOTAL,
    LLM_CALLS_TOTAL,
    LLM_TOKENS_TOTAL,
    RAG_RETRIEVALS_TOTAL,
    TOOL_EXECUTIONS_TOTAL,
)

__all__ = ["cost"]

TOP: Final = 10

_mine: Final = {"mode": MODE, "tenant_id": TENANT}


def cost(thresholds: Thresholds) -> Board:
    """Make it."""
    return Board(
        uid=COST,
        title="VITAL / Cost Optimization",
        description="For the finance team, engineering managers and CTOs: what is spent on what?",
        refresh="1m",
        since="now-24h",
        panels=(*_money(thresholds), *_use(), *_who()),
    )


def _money(thresholds: Thresholds) -> tuple[Panel, ...]:
    spent, saved = rate(COST_DOLLARS_TOTAL, INTERVAL, **_mine), COST_SAVED_DOLLARS_TOTAL
    return (
        Panel(
            key="daily_cost",
            title="Estimated daily cost",
            description="What a day costs at this pace, and what the last one did.",
            kind="lines",
            queries=(
                Query(f"{sum_by(spent)} * 86400", "at this pace"),
                Query(COST_OF_DAY, "the last 24 hours, of all"),
            ),
            unit="currencyUSD",
            limit=Limit(thresholds["HighDailyCost"].value, "below"),
        ),
        Panel(
            key="cost_by_type",
            title="Cost by type",
            description="Models, tools and searches.",
            kind="pie",
            queries=(
                Query(sum_by(increase(COST_DOLLARS_TOTAL, RANGE, **_mine), "cost_type"), "{{cost_type}}"),
            ),
            unit="currencyUSD",
        ),
        Panel(
            key="llm_calls",
            title="Calls of models",
            description="Each second: made, and spared by the cache.",
            kind="lines",
            queries=(
                Query(sum_by(rate(LLM_CALLS_TOTAL, INTERVAL, mode=MODE), "cached"), "cached {{cached}}"),
            ),
            unit="ops",
        ),
        Panel(
            key="cost_saved",
            title="Cost saved by the cache",
            description="What its hits would have cost, an hour.",
            kind="lines",
            queries=(Query(f"{sum_by(rate(saved, INTERVAL, **_mine))} * 3600", "saved an hour"),),
            unit="currencyUSD",
        ),
    )


def _use() -> tuple[Panel, ...]:
    return (
        Panel(
            key="tokens",
            title="Tokens",
            description="Read, read from the provider's cache, and written, each second.",
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
            title="Searches",
            description="Each second, by source.",
            kind="lines",
            queries=(Query(sum_by(rate(RAG_RETRIEVALS_TOTAL, INTERVAL, mode=MODE), "source"), "{{source}}"),),
            unit="ops",
        ),
    )


def _who() -> tuple[Panel, ...]:
    spent = increase(COST_DOLLARS_TOTAL, RANGE, **_mine)
    saved = sum_by(increase(COST_SAVED_DOLLARS_TOTAL, RANGE, **_mine))
    return (
        Panel(
            key="cost_by_mode",
            title="Cost by mode",
            description="Dollars in the time that is shown.",
            kind="table",
            queries=(Query(sum_by(spent, "mode"), "dollars"),),
            unit="currencyUSD",
        ),
        Panel(
            key="expensive_tenants",
            title="Most expensive tenants",
            description="Dollars in the time that is shown; exact for each tenant: vital costs.",
            kind="table",
            queries=(Query(f"topk({TOP}, {sum_by(spent, 'tenant_id')})", "dollars"),),
            unit="currencyUSD",
        ),
        Panel(
            key="cost_trend",
            title="Cost trend",
            description="Dollars an hour, by type.",
            kind="lines",
            queries=(
                Query(
                    f"{sum_by(rate(COST_DOLLARS_TOTAL, INTERVAL, **_mine), 'cost_type')} * 3600",
                    "{{cost_type}}",
                ),
            ),
            unit="currencyUSD",
        ),
        Panel(
            key="cost_savings",
            title="Cost savings",
            description="What the cache has saved, as a share of what everything would have cost.",
            kind="gauge",
            queries=(Query(ratio(saved, f"({saved} + {sum_by(spent)})"), "saved"),),
            unit="percentunit",
            limit=Limit(CALLS_SAVED, "above"),
        ),
    )
