"""Calls of models in a period, from the ledger; the database counts, so that no call is held in memory."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from ai_engine.report.period import ReportPeriod
from vital_shared.store.account_tables import ledger

__all__ = ["CallStats", "call_stats"]


@dataclass(frozen=True, slots=True)
class CallStats:
    """Calls of language models."""

    made: int
    spared: int
    """By the cache."""


async def call_stats(connection: AsyncConnection, span: ReportPeriod, tenant_id: str | None) -> CallStats:
    """Count calls of models that were made, and those that the cache has spared."""
    made = ledger.c.run_id.is_not(None)  # what was spared belongs to no run
    statement = select(
        func.coalesce(func.sum(case((made, ledger.c.calls), else_=0)), 0),
        func.coalesce(func.sum(case((made, 0), else_=ledger.c.calls)), 0),
    ).where(
        ledger.c.cost_type == "llm",
        and_(ledger.c.at >= span.start, ledger.c.at < span.end),
        _is_tenant(ledger.c.tenant_id, tenant_id),
    )
    found = (await connection.execute(statement)).one()
    return CallStats(int(found[0]), int(found[1]))


def _is_tenant(tenant: ColumnElement[str], tenant_id: str | None) -> ColumnElement[bool]:
    return true() if tenant_id is None else tenant == tenant_id
