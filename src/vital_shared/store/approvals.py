"""Approvals: the runs that wait for a person, from the index of runs that have not ended."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import RowMapping, select, tuple_

from vital_shared.models.approval import ApprovalPage, ApprovalQuery, WaitingRun
from vital_shared.models.cursor import ListPlace
from vital_shared.models.workflow_io import WorkflowMode, WorkflowOutput
from vital_shared.store.database import Database
from vital_shared.store.open_runs import IS_WAITING
from vital_shared.store.stored_json import read_json
from vital_shared.store.tables import runs

__all__ = ["ApprovalStore"]


class ApprovalStore:
    """The waiting runs of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: ApprovalQuery, *, tenant_id: str | None, now: datetime) -> ApprovalPage:
        """Return a page of runs that wait.

        :param tenant_id: restrict to this tenant; None for every tenant.
        :param now: the moment for which deadlines count.
        :raises InvalidRequest: when the cursor is none of a page.
        """
        conditions = [
            IS_WAITING,
            runs.c.output.is_not(None),
            runs.c.deadline_at > now,
        ]
        if tenant_id is not None:
            conditions.append(runs.c.tenant_id == tenant_id)
        if query.user is not None:
            conditions.append(runs.c.user_id == query.user)
        if query.cursor is not None:
            conditions.append(tuple_(runs.c.deadline_at, runs.c.id) > tuple_(*ListPlace.read(query.cursor)))
        statement = (
            select(runs).where(*conditions).order_by(runs.c.deadline_at, runs.c.id).limit(query.limit + 1)
        )
        async with self._database.connect() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        page, rest = rows[: query.limit], rows[query.limit :]
        cursor = ListPlace(page[-1]["deadline_at"], page[-1]["id"]).to_text() if rest else None
        return ApprovalPage(approvals=tuple(_waiting(row) for row in page), next_cursor=cursor)


def _waiting(row: RowMapping) -> WaitingRun:
    output = read_json(WorkflowOutput, row["output"])
    return WaitingRun(
        run_id=row["id"],
        tenant_id=row["tenant_id"],
        user_id=row["user_id"],
        workflow=row["workflow"],
        mode=WorkflowMode(row["mode"]),
        title=row["title"] or "",
        created_at=row["created_at"],
        expires_at=row["deadline_at"],
        suggested_tools=output.suggested_tools,
        required_input=output.required_input,
        tools_cost_dollars=sum((call.cost_dollars for call in output.suggested_tools), Decimal(0)),
        spent_dollars=output.cost.total,
    )
