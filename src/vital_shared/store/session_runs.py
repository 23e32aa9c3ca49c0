"""The runs of a session that have not ended: its conversation does not hold them yet."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, select, text, union_all

from vital_shared.store.run_record import read_input
from vital_shared.store.tables import runs

__all__ = ["open_runs_naming", "open_session_runs"]

# Written out as in the migrations: only then are the small indexes of open runs used.
_AT_WORK_OR_WAITING: Final = text("status IN ('running', 'awaiting_approval')")
_QUEUED: Final = text("status = 'queued'")


def open_session_runs(
    connection: Connection, session_id: str, *, tenant_id: str | None, now: datetime
) -> list[RowMapping]:
    """Return the open runs of a session, in the order of their start.

    :param tenant_id: restrict to this tenant; None for every tenant.
    :param now: the moment for which deadlines count.
    """
    rows = connection.execute(open_runs_naming(session_id, tenant_id=tenant_id, now=now)).mappings().all()
    return [row for row in rows if read_input(row["input"]).session_id == session_id]


def open_runs_naming(session_id: str, *, tenant_id: str | None, now: datetime) -> Select[Any]:
    """Return the statement that reads the open runs whose input names a session anywhere.

    :param tenant_id: restrict to this tenant; None for every tenant.
    """
    ids = union_all(
        select(runs.c.id).where(_AT_WORK_OR_WAITING, runs.c.deadline_at > now),
        select(runs.c.id).where(_QUEUED, runs.c.deadline_at > now),
    )
    statement = (
        select(runs.c.id, runs.c.tenant_id, runs.c.user_id, runs.c.title, runs.c.created_at, runs.c.input)
        .where(runs.c.id.in_(ids), runs.c.input.contains(session_id, autoescape=True))
        .order_by(runs.c.created_at, runs.c.id)
    )
    return statement if tenant_id is None else statement.where(runs.c.tenant_id == tenant_id)
