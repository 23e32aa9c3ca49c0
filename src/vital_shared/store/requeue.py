"""The return of a background run to its queue, in place of an end that was no fault of its own.

A durable one keeps what its nodes have made, and the decisions on it: its next attempt goes on from there.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, true, update

from vital_shared.models.fence import Fence
from vital_shared.store.admission import release
from vital_shared.store.background_run_table import background_runs
from vital_shared.store.fencing import fenced
from vital_shared.store.live_workers import owner_is_dead
from vital_shared.store.open_runs import IS_RUNNING
from vital_shared.store.run_calls import carry_calls, close_calls
from vital_shared.store.run_nodes import forget_nodes
from vital_shared.store.run_record import ENDED_COLUMNS, ENDED_WITHOUT_ANSWER, LOST, EndedRun, to_ended
from vital_shared.store.tables import runs

__all__ = ["MAX_ATTEMPTS", "QUEUED_FOR", "requeue", "requeue_lost", "requeue_overdue", "start_over"]

MAX_ATTEMPTS: Final = 5
"""Attempts at one background run; then it fails, so that a run that kills workers ends some day."""

QUEUED_FOR: Final = timedelta(days=7)
"""The longest time that a run waits in the queue before it expires."""


_CANCELLED: Final = {
    "status": "cancelled",
    "error_type": "cancelled",
    "error_message": "The run was cancelled.",
}
_LOST: Final = {"status": "failed", "error_type": LOST.error_type, "error_message": LOST.message}


def requeue(connection: Connection, run_id: str, now: datetime, fence: Fence | None = None) -> bool:
    """Let a background run begin again, and return whether it does: other runs, and last attempts, end.

    The attempt's number is in the name of the queue's item: a late item of an earlier attempt does nothing.

    :param fence: the worker whose attempt it was; None: its status alone decides.
    """
    mine = background_runs.c.run_id == run_id
    again = (
        update(background_runs)
        .where(mine, background_runs.c.attempt < MAX_ATTEMPTS, ~background_runs.c.cancel_requested)
        .values(attempt=background_runs.c.attempt + 1, dispatched=False)
    )
    running = (runs.c.id == run_id, runs.c.status == "running", *fenced(fence))
    row = connection.execute(select(runs.c.is_durable).where(*running).with_for_update()).first()
    if row is None:
        return False  # else the row is held until the end: no takeover comes between what follows
    if not connection.execute(again).rowcount:
        return False
    if not row.is_durable:
        start_over(connection, run_id)
    carry_calls(connection, run_id)  # before what is reserved is let go; they are entered with the next sweep
    release(connection, run_id)
    back = {"status": "queued", "deadline_at": now + QUEUED_FOR}
    next_epoch = {"owner": "", "epoch": runs.c.epoch + 1, "takeovers": 0}
    return bool(connection.execute(update(runs).where(*running).values(back | next_epoch)).rowcount)


def start_over(connection: Connection, run_id: str) -> None:
    """Forget what the nodes of a run have made; effects that have begun are remembered."""
    forget_nodes(connection, run_id)
    connection.execute(update(runs).where(runs.c.id == run_id).values(ENDED_WITHOUT_ANSWER))


def requeue_lost(connection: Connection, run_id: str, now: datetime, *, is_durable: bool) -> EndedRun | None:
    """Let a background run begin again whose worker has died; return one that ends instead.

    That is one that was to be cancelled, or whose last attempt it was.

    :param is_durable: also where it is durable, and could be taken over with what its nodes have made.
    """
    lost = (
        select(runs.c.owner, runs.c.epoch)
        .where(
            runs.c.id == run_id,
            runs.c.status == "running",
            true() if is_durable else ~runs.c.is_durable,
            owner_is_dead(connection.dialect.name),
        )
        .with_for_update()
    )
    row = connection.execute(lost).first()
    if row is None or requeue(connection, run_id, now, Fence(row.owner, row.epoch)):
        return None
    asked = select(background_runs.c.cancel_requested).where(background_runs.c.run_id == run_id)
    end = _CANCELLED if connection.execute(asked).scalar() else _LOST
    close_calls(connection, run_id)
    release(connection, run_id)
    forget_nodes(connection, run_id)
    ended = (
        update(runs)
        .where(runs.c.id == run_id, runs.c.status == "running", *fenced(Fence(row.owner, row.epoch)))
        .values(finished_at=now, **end, **ENDED_WITHOUT_ANSWER)
        .returning(*ENDED_COLUMNS)
    )
    return to_ended(connection.execute(ended).mappings().one())


def requeue_overdue(connection: Connection, now: datetime, at_work_by: datetime) -> None:
    """Let the background runs begin again whose worker was lost without a word.

    :param at_work_by: the time by which a run that is at work is overdue.
    """
    overdue = (
        select(runs.c.id)
        .join(background_runs, background_runs.c.run_id == runs.c.id)
        .where(IS_RUNNING, runs.c.deadline_at <= at_work_by)
    )
    for run_id in connection.execute(overdue).scalars().all():
        requeue(connection, run_id, now)
