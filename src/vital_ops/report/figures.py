"""The figures of a period, read from the store; the database counts, so that no run is held in memory."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Double, Integer, Select, and_, case, cast, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_ops.report.period import Period
from vital_shared.store.account_tables import ledger
from vital_shared.store.tables import runs

__all__ = ["PERCENT", "Cached", "Calls", "Ran", "cached", "calls", "ran"]

PERCENT = 95
"""The percentile of durations."""

CACHED_MODES = ("1", "2")
"""Whose answers may come from the cache."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of the runs that ended. Cancelled and expired ones are nobody's failure, and left out."""

    success: int
    degraded: int
    failed: int
    slowest_seconds: float | None
    """95 of 100 took no longer; None: no duration is known."""
    quality: float | None
    """Mean of the answers' scores; None: there were none."""

    @property
    def all(self) -> int:
        """How many there were."""
        return self.success + self.degraded + self.failed


@dataclass(frozen=True, slots=True)
class Cached:
    """Requests of modes 1 and 2 that the cache was asked for."""

    hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of language models."""

    made: int
    spared: int
    """By the cache."""


async def ran(connection: AsyncConnection, period: Period, tenant_id: str | None) -> Ran:
    """Count the runs that ended in a period."""
    answered, failed = runs.c.status == "completed", runs.c.status == "failed"
    within = _within(runs.c.finished_at, period), _of(runs.c.tenant_id, tenant_id), answered | failed
    statement = select(
        _count(and_(answered, runs.c.degraded.is_not(True))),
        _count(and_(answered, runs.c.degraded.is_(True))),
        _count(failed),
        func.count(runs.c.duration_seconds),
        cast(func.avg(case((answered, runs.c.quality_score))), Double),
    ).where(*within)
    success, degraded, lost, timed, quality = (await connection.execute(statement)).one()
    slowest = await connection.scalar(_nearest_rank(timed).where(*within)) if timed else None
    return Ran(success, degraded, lost, slowest, quality)


async def cached(connection: AsyncConnection, period: Period, tenant_id: str | None) -> Cached:
    """Count hits and misses in modes 1 and 2.

    Hits are the ledger's, which has each once, whether or not a run is kept for it; misses are runs.
    """
    hits = select(func.coalesce(func.sum(ledger.c.hits), 0)).where(
        ledger.c.mode.in_(CACHED_MODES),
        _within(ledger.c.at, period),
        _of(ledger.c.tenant_id, tenant_id),
    )
    misses = select(func.count()).where(
        runs.c.mode.in_(CACHED_MODES),
        runs.c.status == "completed",
        runs.c.cache_status == "miss",
        _within(runs.c.finished_at, period),
        _of(runs.c.tenant_id, tenant_id),
    )
    return Cached(int(await connection.scalar(hits) or 0), int(await connection.scalar(misses) or 0))


async def calls(connection: AsyncConnection, period: Period, tenant_id: str | None) -> Calls:
    """Count calls of models that were made, and those that the cache has spared."""
    made = ledger.c.run_id.is_not(None)  # what was spared belongs to no run
    statement = select(
        func.coalesce(func.sum(case((made, ledger.c.calls), else_=0)), 0),
        func.coalesce(func.sum(case((made, 0), else_=ledger.c.calls)), 0),
    ).where(
        ledger.c.cost_type == "llm",
        _within(ledger.c.at, period),
        _of(ledger.c.tenant_id, tenant_id),
    )
    found = (await connection.execute(statement)).one()
    return Calls(int(found[0]), int(found[1]))


def _nearest_rank(count: int) -> Select[float]:
    """Select the 95th percentile of that many durations, by nearest rank: one of them, nothing between two.

    It is the ⌈0.95 n⌉-th smallest (https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method).
    """
    rank = -(-PERCENT * count // 100)
    return (
        select(runs.c.duration_seconds)
        .where(runs.c.duration_seconds.is_not(None))
        .order_by(runs.c.duration_seconds)
        .offset(rank - 1)
        .limit(1)
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(case((condition, 1), else_=0)), 0), Integer)


def _within(moment: ColumnElement[object], period: Period) -> ColumnElement[bool]:
    return and_(moment >= period.start, moment < period.end)


def _of(tenant: ColumnElement[str], tenant_id: str | None) -> ColumnElement[bool]:
    return true() if tenant_id is None else tenant == tenant_id
