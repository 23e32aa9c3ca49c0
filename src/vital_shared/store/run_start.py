"""The start of a run, in one transaction with the limits that allow it."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, bindparam, exists, insert, select, update

from vital_shared.errors import AlreadyBegun, InvalidRequest, LimitExceeded
from vital_shared.store.account_tables import budgets
from vital_shared.store.admission import (
    Admission,
    AdmissionRequest,
    LimitsToLock,
    budget_lock,
    check,
    reserve,
)
from vital_shared.store.idempotency import IdempotencyKey, free_key, take_key
from vital_shared.store.limit_check import matches
from vital_shared.store.prepared import Prepared
from vital_shared.store.run_record import ROW_COLUMNS, RunRecord
from vital_shared.store.tables import runs

__all__ = ["AdmissionOutcome", "begin_run", "start_lock"]

_COLUMNS: Final = [column for column in runs.c if column.name in ROW_COLUMNS or column is runs.c.owner]
_VALUES: Final = {column.name: bindparam(column.name, type_=column.type) for column in _COLUMNS}

# A tenant without limits costs no statement more: the row goes in, unless there are limits to look at.
_INSERT_UNLIMITED: Final = Prepared(
    insert(runs).from_select(
        _COLUMNS,
        select(*_VALUES.values()).where(
            ~exists().where(budgets.c.tenant_id == _VALUES["tenant_id"]),
            ~exists().where(matches(_VALUES["tenant_id"], _VALUES["user_id"], _VALUES["key_id"])),
        ),
    )
)


_TAKEN: Final = ("plan", "checkpoint", "deadline_at", "owner", "is_durable")
"""Columns that are written with the start of a run that has waited in the queue."""

AdmissionOutcome: TypeAlias = Admission | LimitExceeded | InvalidRequest | LimitsToLock
"""The outcome of a run that wanted to begin; a refusal is raised later."""


def begin_run(
    connection: Connection, row: dict[str, Any], request: AdmissionRequest, key: IdempotencyKey | None
) -> AdmissionOutcome:
    """Insert a run, if its key is new and the tenant's limits allow it.

    A refusal is returned, and raised later: others write in the same transaction.
    """
    try:
        if key is not None:
            take_key(connection, key, request.run_id, request.now)
        return _insert(connection, row, request)
    except (LimitExceeded, LimitsToLock) as refusal:
        if key is not None:
            free_key(connection, request.run_id)
        return refusal
    except InvalidRequest as refusal:
        return refusal


def _insert(connection: Connection, row: dict[str, Any], request: AdmissionRequest) -> Admission:
    if row["status"] == "queued":
        return _take_queued(connection, row, request)
    if _INSERT_UNLIMITED.execute(connection, row):
        return Admission()
    admission = check(connection, request)
    connection.execute(insert(runs), row)
    reserve(connection, request, admission)
    return admission


def _take_queued(connection: Connection, row: dict[str, Any], request: AdmissionRequest) -> Admission:
    """Begin a run that waits in the queue; of many who begin it, one does.

    :raises AlreadyBegun: when it no longer waits.
    """
    admission = check(connection, request)
    begun = (
        update(runs)
        .where(runs.c.id == request.run_id, runs.c.status == "queued", runs.c.epoch == row["epoch"])
        .values(status="running", **{name: row[name] for name in _TAKEN})
    )
    if not connection.execute(begun).rowcount:
        raise AlreadyBegun(f"The run {request.run_id} no longer waits in the queue.", field="run_id")
    reserve(connection, request, admission)
    return admission


def start_lock(record: RunRecord, key: IdempotencyKey | None) -> str:
    """Name what the start of a run locks: its tenant's budget, behind the key."""
    lock = budget_lock(record.input.tenant_id)
    return lock if key is None else f"{lock}/{key.key}"
