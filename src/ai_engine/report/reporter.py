"""The interface of the report's maker, which knows the dashboards' definitions: it lies above the service."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ai_engine.report.period import Period
from ai_engine.report.result import Report
from vital_shared.store.database import Database

__all__ = ["Reporter"]


class Reporter(Protocol):
    """The maker of reports from the store."""

    async def __call__(
        self, database: Database, period: Period, *, now: datetime, tenant_id: str | None = None
    ) -> Report:
        """Answer the questions for a period.

        :param tenant_id: restrict to this tenant; None for every tenant.
        :raises StoreError: when the database is not there.
        """
        ...
