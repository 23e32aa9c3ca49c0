"""A report in the terminal."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ai_engine.report.result import Report
from vital_cli.terminal import OUT, clean, say, show_table
from vital_ops.report.money import MAX_TENANTS

__all__ = ["show_report"]

STYLES: Final = {"met": "green", "missed": "bold red", "no data": "yellow", "none": "dim"}


def show_report(report: Report) -> None:
    """Print it: the questions, then the tenants."""
    period = report.period
    say(f"The {period.name} from {period.start:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} UTC")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("question", "figure", "target", "verdict"):
        table.add_column(name, overflow="fold", no_wrap=name in ("target", "verdict"))
    for each in report.answers:
        verdict = Text("-" if each.verdict == "none" else each.verdict, style=STYLES[each.verdict])
        table.add_row(*(Text(clean(cell)) for cell in (each.question, each.figure, each.target)), verdict)
    OUT.print(table)
    if report.tenants:
        show_table(
            [
                {
                    "tenant": each.tenant_id,
                    "spent": f"${each.dollars:f}",
                    "share": f"{100 * each.share:.1f} %",
                }
                for each in report.tenants
            ]
        )
    if report.budgets:
        show_table(
            [
                {
                    "tenant": each.tenant_id,
                    "dearest day": _against(each.highest_day_dollars, each.daily_limit_dollars),
                    "month so far": _against(each.month_dollars, each.monthly_limit_dollars),
                    "over budget": each.is_over,
                }
                for each in report.budgets
            ]
        )
    say(f"Month-end forecast: {report.forecast.overall.in_words}")
    if report.forecast.tenants:
        show_table(
            [
                {"tenant": tenant, "spent": f"${each.spent_dollars:f}", "forecast": each.in_words}
                for tenant, each in islice(report.forecast.tenants.items(), MAX_TENANTS)
            ]
        )


def _against(spent: Decimal, limit: Decimal | None) -> str:
    return f"${spent:f}" if limit is None else f"${spent:f} of ${limit:f}"
