"""Lists of runs: filtered within an index, the newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, RowMapping, Select, and_, or_, select, tuple_

from vital_shared.models.cursor import ListPlace
from vital_shared.models.feedback import FeedbackFilter
from vital_shared.models.money import to_dollars, to_nanos
from vital_shared.models.run_list import RunPage, RunQuery, RunSummary
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.store.database import Database
from vital_shared.store.feedback_table import run_feedback
from vital_shared.store.run_record import OVERDUE_ENDS, RunStatus
from vital_shared.store.tables import runs

__all__ = ["RunListStore"]

OPEN: Final = frozenset(OVERDUE_ENDS)
"""Statuses of runs that have not ended."""

OverdueBy: TypeAlias = Mapping[RunStatus, datetime]
"""The deadlines that are over, by the status of a run that has not ended."""

_SHOWN: Final = (
    runs.c.id,
    runs.c.status,
    runs.c.tenant_id,
    runs.c.user_id,
    runs.c.workflow,
    runs.c.mode,
    runs.c.title,
    runs.c.model,
    runs.c.created_at,
    runs.c.deadline_at,
    runs.c.finished_at,
    runs.c.duration_seconds,
    runs.c.first_token_seconds,
    runs.c.quality_score,
    runs.c.degraded,
    runs.c.cache_status,
    runs.c.cost_nanos,
    runs.c.error_type,
)


class RunListStore:
    """Pages of the runs of all tenants.

    :param recent_jump: returns by how much the clock was set forward while runs are at work (`StoreClock`).
    """

    def __init__(self, database: Database, recent_jump: Callable[[], timedelta] = timedelta) -> None:
        self._database = database
        self._recent_jump = recent_jump

    async def page(self, query: RunQuery, *, tenant_id: str | None, now: datetime) -> RunPage:
        """Return a page of runs.

        :param tenant_id: restrict to this tenant; None for every tenant.
        :param now: the moment for which deadlines count.
        :raises InvalidRequest: when the cursor is none of a page.
        """
        statement = self.statement(query, tenant_id=tenant_id, now=now)
        async with self._database.connect() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        page, rest = rows[: query.limit], rows[query.limit :]
        cursor = ListPlace(page[-1]["created_at"], page[-1]["id"]).to_text() if rest else None
        overdue_by = self._overdue_by(now)
        return RunPage(runs=tuple(_summary(row, overdue_by) for row in page), next_cursor=cursor)

    def _overdue_by(self, now: datetime) -> OverdueBy:
        at_work_by = now - self._recent_jump() - self._database.outage.recent()
        return dict.fromkeys(OVERDUE_ENDS, now) | {"running": at_work_by}

    def statement(self, query: RunQuery, *, tenant_id: str | None, now: datetime) -> Select[Any]:
        """Return the statement that reads a page, and one run more.

        :raises InvalidRequest: when the cursor is none of a page.
        """
        # The index finds the ids of the page, and only these rows are read.
        found = (
            select(runs.c.id)
            .where(*_conditions(query, tenant_id, self._overdue_by(now)))
            .order_by(runs.c.created_at.desc(), runs.c.id.desc())
            .limit(query.limit + 1)
        )
        return (
            select(*_SHOWN)
            .where(runs.c.id.in_(found.subquery().select()))
            .order_by(runs.c.created_at.desc(), runs.c.id.desc())
        )


def _conditions(
    query: RunQuery, tenant_id: str | None, overdue_by: OverdueBy
) -> Iterator[ColumnElement[bool]]:
    if tenant_id is not None:
        yield runs.c.tenant_id == tenant_id
    if query.cursor is not None:
        yield tuple_(runs.c.created_at, runs.c.id) < tuple_(*ListPlace.read(query.cursor))
    if query.start is not None:
        yield runs.c.created_at >= query.start
    if query.end is not None:
        yield runs.c.created_at < query.end
    if query.status:
        yield _has_status(query, overdue_by)
    if query.text is not None:
        words = " ".join(query.text.casefold().split())
        yield or_(runs.c.search_text.contains(words, autoescape=True), runs.c.id == query.text.strip())
    if query.feedback is not None:
        yield _has_feedback(query.feedback)
    yield from _equalities(query)
    yield from _ranges(query)


def _has_status(query: RunQuery, overdue_by: OverdueBy) -> ColumnElement[bool]:
    """Compare with the status that a sweep at this moment would have left."""
    ended = [status for status in query.status if status not in OPEN]
    parts: list[ColumnElement[bool]] = [runs.c.status.in_(ended)] if ended else []
    for status, end in OVERDUE_ENDS.items():
        if status in query.status:
            parts.append(and_(runs.c.status == status, runs.c.deadline_at > overdue_by[status]))
        if end["status"] in query.status:
            parts.append(and_(runs.c.status == status, runs.c.deadline_at <= overdue_by[status]))
    return or_(*parts)


def _equalities(query: RunQuery) -> Iterator[ColumnElement[bool]]:
    if query.workflow is not None:
        yield runs.c.workflow == query.workflow
    if query.mode is not None:
        yield runs.c.mode == query.mode.value
    if query.user is not None:
        yield runs.c.user_id == query.user
    if query.model is not None:
        yield runs.c.model.contains(query.model, autoescape=True)
    if query.degraded is not None:
        yield runs.c.degraded.is_(query.degraded)


def _ranges(query: RunQuery) -> Iterator[ColumnElement[bool]]:
    if query.min_cost_dollars is not None:
        yield runs.c.cost_nanos >= to_nanos(query.min_cost_dollars)
    if query.max_cost_dollars is not None:
        yield runs.c.cost_nanos <= to_nanos(query.max_cost_dollars)
    if query.min_seconds is not None:
        yield runs.c.duration_seconds >= query.min_seconds
    if query.max_seconds is not None:
        yield runs.c.duration_seconds <= query.max_seconds


def _has_feedback(wanted: FeedbackFilter) -> ColumnElement[bool]:
    """Look for runs with feedback; a list is made of them once, and each run is looked up in it."""
    given = select(run_feedback.c.run_id)
    conditions = {
        "positive": and_(run_feedback.c.kind == "boolean", run_feedback.c.number == 1),
        "negative": and_(run_feedback.c.kind == "boolean", run_feedback.c.number == 0),
        "correction": run_feedback.c.kind == "correction",
    }
    if wanted == "none":
        return runs.c.id.not_in(given)
    return runs.c.id.in_(given.where(conditions[wanted]) if wanted in conditions else given)


def _summary(row: RowMapping, overdue_by: OverdueBy) -> RunSummary:
    values = {name: row[name] for name in RunSummary.model_fields if name in row}
    end = OVERDUE_ENDS.get(row["status"])
    if end is not None and row["deadline_at"] <= overdue_by[row["status"]]:
        values |= {name: value for name, value in end.items() if name in values}
        values["finished_at"] = row["deadline_at"]
    nanos = row["cost_nanos"]
    values |= {"mode": WorkflowMode(row["mode"]), "title": row["title"] or ""}
    return RunSummary(
        **values,
        cost_dollars=None if nanos is None else to_dollars(nanos),
    )
