"""``vital report``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated

import typer

from vital_cli.options import Json

__all__ = ["report"]


class PeriodOption(str, Enum):
    """The period of a report; see `ai_engine.report.period.PERIOD_DAYS`."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def report(
    period: Annotated[
        PeriodOption, typer.Option(help="The last 24 hours, 7 days or 30 days.")
    ] = PeriodOption.DAY,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant; default: all tenants.")] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Up to the end of this day in UTC; default: up to now."),
    ] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown to stdout.")] = False,
    as_json: Json = False,
) -> None:
    """Report on the engine: errors, latency, cache, cost, budgets, quality."""
    from ai_engine.report.period import Period
    from vital_cli.session import with_services
    from vital_cli.terminal import write, write_json
    from vital_cli.views.report import show_report
    from vital_ops.report.markdown import to_markdown
    from vital_ops.report.report import make_report

    if as_markdown and as_json:
        raise typer.BadParameter("choose one of them", param_hint="--markdown, --json")
    now = datetime.now(UTC)
    of = Period.until(_end(until, now), period.value)
    made = with_services(lambda services: make_report(services.database, of, now=now, tenant_id=tenant))
    if as_json:
        write_json(made)
    elif as_markdown:
        write(to_markdown(made))
    else:
        show_report(made)


def _end(until: datetime | None, now: datetime) -> datetime:
    """Return the end of a day, or now where the day has not ended."""
    if until is None:
        return now
    day = until.replace(tzinfo=UTC)
    if day > now:
        raise typer.BadParameter("this day has not come yet", param_hint="--until")
    return min(day + timedelta(days=1), now)
