"""The report that a served engine shows; what makes it is loaded with the first one."""

from __future__ import annotations

from datetime import datetime

from ai_engine.report.period import Period
from ai_engine.report.result import Report
from vital_shared.store.database import Database

__all__ = ["served_report"]


async def served_report(
    database: Database, period: Period, *, now: datetime, tenant_id: str | None = None
) -> Report:
    """Make a report, as `vital report` does.

    :raises StoreError: when the database is not there.
    """
    from vital_ops.report.report import make_report  # noqa: PLC0415 - seldom needed

    return await make_report(database, period, now=now, tenant_id=tenant_id)
