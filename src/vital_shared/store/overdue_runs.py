"""The end of the runs whose deadline has passed: nobody else ends them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, case, update
from sqlalchemy.sql.dml import ReturningUpdate

from vital_shared.store.admission import forget_overdue
from vital_shared.store.idempotency import forget_expired
from vital_shared.store.open_runs import IS_QUEUED, IS_RUNNING, IS_WAITING
from vital_shared.store.requeue import requeue_overdue
from vital_shared.store.run_calls import close_calls
from vital_shared.store.run_nodes import forget_nodes
from vital_shared.store.run_record import (
    ENDED_COLUMNS,
    ENDED_WITHOUT_ANSWER,
    LOST,
    NOT_TAKEN_OVER,
    OVERDUE_ENDS,
    EndedRun,
    RunStatus,
    to_ended,
)
from vital_shared.store.tables import runs

__all__ = ["end_overdue"]

_WAITING: Final[tuple[RunStatus, ...]] = ("queued", "awaiting_approval")

_HAS_STATUS: Final[dict[RunStatus, ColumnElement[bool]]] = {
    "queued": IS_QUEUED,
    "running": IS_RUNNING,
    "awaiting_approval": IS_WAITING,
}


def end_overdue(connection: Connection, now: datetime, at_work_by: datetime) -> tuple[EndedRun, ...]:
    """End them, and forget what was reserved for them; a background run that was at work begins again.

    :param at_work_by: the time by which a run that is at work is overdue.
    :returns: those that were ended here, and nowhere else.
    """
    requeue_overdue(connection, now, at_work_by)
    waited = [row for status in _WAITING for row in connection.execute(_overdue(status, now)).mappings()]
    lost = connection.execute(_overdue("running", at_work_by)).mappings().all()
    for row in (*waited, *lost):
        forget_nodes(connection, row["id"])
    for row in lost:
        close_calls(connection, row["id"])  # before what is reserved is forgotten
    forget_overdue(connection, at_work_by)
    forget_expired(connection, now)
    return tuple(to_ended(row) for row in (*waited, *lost))


def _overdue(status: RunStatus, now: datetime) -> ReturningUpdate[Any]:
    overdue = update(runs).where(_HAS_STATUS[status], runs.c.deadline_at <= now)
    end: dict[str, Any] = {**OVERDUE_ENDS[status], **ENDED_WITHOUT_ANSWER}
    if status == "running":
        end["error_message"] = case((runs.c.is_durable, NOT_TAKEN_OVER), else_=LOST.message)
    return overdue.values(finished_at=runs.c.deadline_at, **end).returning(*ENDED_COLUMNS)
