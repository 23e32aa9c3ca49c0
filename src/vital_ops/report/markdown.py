"""A report as Markdown, to be mailed or kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Final, get_args

from ai_engine.report.result import Report, Section
from vital_ops.report.money import MAX_TENANTS

__all__ = ["to_markdown"]

_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|])")


def to_markdown(report: Report) -> str:
    """Write it as headings and tables."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    period = report.period
    whose = "all tenants" if report.tenant_id is None else f"tenant {_plain(report.tenant_id)}"
    yield f"# Report of a {period.name}: {whose}"
    yield ""
    yield f"From {period.start:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} UTC."
    for section in get_args(Section):
        names = ("Question", "Figure", "Target", "Verdict")
        yield from _table(section.capitalize(), names, _answers(report, section))
    if report.tenants:
        yield from _table("Most expensive tenants", ("Tenant", "Spent", "Share"), _tenants(report))
    if report.budgets:
        yield from _table("Budgets", ("Tenant", "Dearest day", "Month so far", "Verdict"), _budgets(report))
    yield from ("", "## Month-end forecast", "", f"All: {report.forecast.overall.in_words}.")
    if report.forecast.tenants:
        yield from _table("Forecast by tenant", ("Tenant", "Spent", "Forecast"), _forecasts(report))


def _answers(report: Report, section: Section) -> Iterator[Sequence[str]]:
    for each in report.answers:
        if each.section == section:
            verdict = "-" if each.verdict == "none" else each.verdict
            yield each.question, each.figure, each.target, verdict


def _tenants(report: Report) -> Iterator[Sequence[str]]:
    for each in report.tenants:
        yield each.tenant_id, f"${each.dollars:f}", f"{100 * each.share:.1f} %"


def _budgets(report: Report) -> Iterator[Sequence[str]]:
    for each in report.budgets:
        day = _against(each.highest_day_dollars, each.daily_limit_dollars)
        month = _against(each.month_dollars, each.monthly_limit_dollars)
        yield each.tenant_id, day, month, "over" if each.is_over else "within"


def _forecasts(report: Report) -> Iterator[Sequence[str]]:
    for tenant, each in islice(report.forecast.tenants.items(), MAX_TENANTS):
        yield tenant, f"${each.spent_dollars:f}", each.in_words


def _table(title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield _row(names)
    yield _row(["---"] * len(names))
    yield from (_row([_plain(cell) for cell in row]) for row in rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _against(spent: Decimal, limit: Decimal | None) -> str:
    return f"${spent:f}" if limit is None else f"${spent:f} of ${limit:f}"


def _plain(text: str) -> str:
    """Keep a tenant's name from being markup, or a line of its own."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
