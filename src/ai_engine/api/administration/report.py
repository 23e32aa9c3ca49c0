"""The report of a period."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request

from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from ai_engine.report.period import Period, PeriodName
from ai_engine.report.result import Report
from vital_shared.errors import InvalidRequest, NotFound

__all__ = ["router"]

EARLIEST_DAY: Final = date(2000, 1, 1)

router = APIRouter(prefix="/v1/report", tags=["report"])


@router.get("", summary="Report on a period")
async def show_report(
    request: Request,
    period: Annotated[PeriodName, Query(description="The last 24 hours, 7 days or 30 days.")] = "day",
    until: Annotated[
        date | None, Query(description="Up to the end of this day in UTC; default: up to now.")
    ] = None,
) -> Report:
    """Answer a manager's questions for the tenant; without its header, for all tenants together."""
    engine = engine_of(request)
    if engine.reporter is None:
        raise NotFound("This engine makes no reports: it was not started with `vital serve`.")
    now = engine.services.now()
    span = Period.until(_end(until, now), period)
    return await engine.reporter(
        engine.services.database, span, now=now, tenant_id=Caller.of(request).tenant_id
    )


def _end(until: date | None, now: datetime) -> datetime:
    """Return the end of a day, or now where the day has not ended.

    :raises InvalidRequest: when the day has not come, or is too far back to have a period before.
    """
    if until is None:
        return now
    day = datetime(until.year, until.month, until.day, tzinfo=UTC)
    if day > now:
        raise InvalidRequest("until is a day in the future", field="until")
    if until < EARLIEST_DAY:
        raise InvalidRequest(f"until has to be {EARLIEST_DAY} or later", field="until")
    return min(day + timedelta(days=1), now)
