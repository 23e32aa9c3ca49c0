"""Baselines from the command line."""

from __future__ import annotations

from datetime import datetime, timedelta

from ai_engine.report.period import ReportPeriod
from vital_cli.backtest_run import span
from vital_cli.session import with_services
from vital_ops.baseline.comparison import Figure, compare_periods
from vital_ops.baseline.period_figures import PeriodFigures, period_figures
from vital_shared.models.base import Frozen
from vital_shared.store.baselines import BaselineStore, StoredBaseline
from vital_shared.store.stored_json import read_json
from vital_shared.workflows.services import Services

__all__ = [
    "Baseline",
    "BaselineComparison",
    "all_baselines",
    "compare_with_baseline",
    "delete_baseline",
    "get_baseline",
    "save_baseline",
]


class Baseline(Frozen):
    """The figures of a period under a name."""

    name: str
    saved_at: datetime
    figures: PeriodFigures


class BaselineComparison(Frozen):
    """A later period against a baseline."""

    baseline: Baseline
    after: PeriodFigures
    figures: tuple[Figure, ...]


def save_baseline(name: str, last: str, tenant_id: str | None) -> Baseline:
    """Store the figures of the last hours."""
    seconds = span(last, "--last")

    async def save(services: Services) -> Baseline:
        now = services.now()
        figures = await period_figures(services.database, _last(now, seconds), tenant_id)
        baseline = Baseline(name=name, saved_at=now, figures=figures)
        stored = StoredBaseline(name, now, figures.model_dump_json())
        await BaselineStore(services.database).add(stored)
        return baseline

    return with_services(save)


def all_baselines() -> tuple[Baseline, ...]:
    """Return all baselines."""
    found = with_services(lambda services: BaselineStore(services.database).list())
    return tuple(_read(each) for each in found)


def get_baseline(name: str) -> Baseline:
    """Return a baseline."""
    return _read(with_services(lambda services: BaselineStore(services.database).get(name)))


def delete_baseline(name: str) -> None:
    """Delete a baseline."""
    with_services(lambda services: BaselineStore(services.database).delete(name))


def compare_with_baseline(name: str, last: str) -> BaselineComparison:
    """Compare the last hours with a baseline."""
    seconds = span(last, "--last")

    async def compare(services: Services) -> BaselineComparison:
        baseline = _read(await BaselineStore(services.database).get(name))
        before = baseline.figures
        after = await period_figures(services.database, _last(services.now(), seconds), before.tenant_id)
        return BaselineComparison(baseline=baseline, after=after, figures=compare_periods(before, after))

    return with_services(compare)


def _last(now: datetime, seconds: float) -> ReportPeriod:
    return ReportPeriod(start=now - timedelta(seconds=seconds), end=now)


def _read(stored: StoredBaseline) -> Baseline:
    figures = read_json(PeriodFigures, stored.figures)
    return Baseline(name=stored.name, saved_at=stored.saved_at, figures=figures)
