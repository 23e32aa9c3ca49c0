"""A report: each question with its figure, its target and a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from ai_engine.report.period import Period
from ai_engine.report.result import BudgetUse, Report, ReportAnswer, Verdict
from vital_ops.report.calls import CallStats, call_stats
from vital_ops.report.counts import RequestStats, request_stats
from vital_ops.report.money import PeriodCost, budget_uses, cost
from vital_ops.report.targets import CALLS_SAVED, ERROR_RATE, HIT_RATE, SLOWEST_SECONDS, SUCCESS_RATE
from vital_shared.store.database import Database
from vital_shared.store.forecast import month_forecasts

__all__ = ["make_report"]

SLOWEST_SHARE: Final = 0.95


async def make_report(
    database: Database, period: Period, *, now: datetime, tenant_id: str | None = None
) -> Report:
    """Answer from the store.

    :raises StoreError: when the database is not there.
    """
    async with database.connect() as connection:
        here = await request_stats(connection, period, tenant_id)
        before = await request_stats(connection, period.before, tenant_id)
        called = await call_stats(connection, period, tenant_id)
        spent = await cost(connection, period, tenant_id)
        uses = await budget_uses(connection, period, tenant_id)
        forecast = await month_forecasts(connection, period.last_moment, tenant_id)
    return Report(
        period=period,
        tenant_id=tenant_id,
        made_at=now,
        answers=(
            *_performance(here),
            *_cost(uses, called, spent),
            *_trends(here, before),
        ),
        tenants=spent.tenants,
        budgets=uses,
        forecast=forecast,
    )


def _performance(here: RequestStats) -> Iterator[ReportAnswer]:
    rate = _share(here.failed, here.ended)
    yield ReportAnswer(
        section="performance",
        question="Is the error rate below 2 %?",
        figure=_of(here.failed, here.ended, "requests"),
        value=rate,
        target=f"< {_percent(ERROR_RATE)}",
        verdict=_verdict(None if rate is None else rate < ERROR_RATE),
    )
    slowest = here.durations.quantile(SLOWEST_SHARE)
    yield ReportAnswer(
        section="performance",
        question="Is the P95 latency below 5 s?",
        figure="-" if slowest is None else f"{slowest:.2f} s",
        value=slowest,
        target=f"< {SLOWEST_SECONDS:g} s",
        verdict=_verdict(None if slowest is None else slowest < SLOWEST_SECONDS),
    )
    hits = _share(here.hits, here.looked_up)
    yield ReportAnswer(
        section="performance",
        question="Is the cache hit rate above 60 % in modes 1 and 2?",
        figure=_of(here.hits, here.looked_up, "look-ups"),
        value=hits,
        target=f"> {_percent(HIT_RATE)}",
        verdict=_verdict(None if hits is None else hits > HIT_RATE),
    )


def _cost(uses: tuple[BudgetUse, ...], called: CallStats, spent: PeriodCost) -> Iterator[ReportAnswer]:
    over = sum(use.is_over for use in uses)
    yield ReportAnswer(
        section="cost",
        question="Are we under budget?",
        figure=f"{over} of {len(uses)} tenants over" if uses else "no tenant has a budget",
        value=float(over) if uses else None,
        target="nobody over",
        verdict=_verdict(over == 0 if uses else None),
    )
    total = called.made + called.spared
    saved = _share(called.spared, total)
    yield ReportAnswer(
        section="cost",
        question="Does the cache save more than 60 % of the LLM calls?",
        figure=_of(called.spared, total, "calls"),
        value=saved,
        target=f"> {_percent(CALLS_SAVED)}",
        verdict=_verdict(None if saved is None else saved > CALLS_SAVED),
    )
    yield ReportAnswer(
        section="cost",
        question="Which tenants are most expensive?",
        figure=_dearest(spent),
        value=float(spent.dollars) if spent.rows else None,
        target="-",
        verdict="none" if spent.rows else "no data",
    )


def _trends(here: RequestStats, before: RequestStats) -> Iterator[ReportAnswer]:
    yield _trend(
        "Is the quality score improving?", here.quality.mean, before.quality.mean, "no lower", rises=True
    )
    yield _trend(
        "Is the degradation rate decreasing?",
        _share(here.degraded, here.ended),
        _share(before.degraded, before.ended),
        "no higher",
        rises=False,
    )
    rate = _share(here.answered, here.ended)
    yield ReportAnswer(
        section="trends",
        question="Are we meeting SLAs: does a request succeed at least 95 % of the time?",
        figure=_of(here.answered, here.ended, "requests"),
        value=rate,
        target=f"≥ {_percent(SUCCESS_RATE)}",
        verdict=_verdict(None if rate is None else rate >= SUCCESS_RATE),
    )


def _trend(
    question: str, value: float | None, before: float | None, target: str, *, rises: bool
) -> ReportAnswer:
    """Compare with the period before; what stays the same has got no worse."""
    show = f"{value:.3f}" if value is not None and rises else _percent(value)
    then = f"{before:.3f}" if before is not None and rises else _percent(before)
    met = None if value is None or before is None else (value >= before if rises else value <= before)
    return ReportAnswer(
        section="trends",
        question=question,
        figure=f"{show}, before {then}",
        value=value,
        before=before,
        target=f"{target} than before",
        verdict=_verdict(met),
    )


def _dearest(spent: PeriodCost) -> str:
    if not spent.rows:
        return "-"
    first = spent.tenants[0]
    return f"${spent.dollars:f} in all, most by {first.tenant_id} ({_percent(first.share)})"


def _verdict(met: bool | None) -> Verdict:
    return "no data" if met is None else "met" if met else "missed"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.3g} %"


def _of(part: int, whole: int, things: str) -> str:
    return f"{_percent(part / whole)} ({part} of {whole} {things})" if whole else "-"
