"""Whether a tenant's limits allow a run: decided, and its money reserved, in the run's own transaction.

A run is admitted while ``spent + reserved + max cost <= limit`` holds for each budget; or, so that a
budget smaller than one max cost can be used at all, where nothing is reserved and less than the limit
is spent. So a budget is never overspent by more than one run's max cost, however many ask at once.
What is free has to wait for no reservation.
A reservation is gone with the run's end or pause, and does not count past the run's deadline.

All that reads comes before all that writes: a run that is refused leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from vital_shared.errors import BudgetExceeded, RateLimited
from vital_shared.models.money import to_dollars
from vital_shared.store.account_tables import budgets, request_rates, reservations
from vital_shared.store.rate import take_turn
from vital_shared.store.standing import ACCOUNT, Budget, TenantUsage, at
from vital_shared.store.upsert import upsert

__all__ = [
    "Admission",
    "AdmissionRequest",
    "budget_lock",
    "check",
    "count_request",
    "extend",
    "forget_overdue",
    "release",
    "reserve",
]


class AdmissionRequest(NamedTuple):
    """A run that wants to begin, or to go on after a pause."""

    run_id: str
    tenant_id: str
    now: datetime
    deadline_at: datetime
    """The time when its reservation ends by itself."""
    max_cost_nanos: Callable[[], int]
    """The run's max cost, in nano-dollars; read only for tenants that have a budget."""
    is_request: bool = True
    """Whether it counts as a request of the tenant's; going on after a pause does not."""
    owed_nanos: Callable[[str], int] = lambda _tenant_id: 0
    """A tenant's spending that waits to be written, so that an outage of the store is no free lunch."""
    may_exceed_alone: bool = True
    """Whether a run that is alone with its budget may go on while some of it is left."""


class Admission(NamedTuple):
    """The record of an admitted run in the store."""

    reserved_nanos: int = 0
    has_budget: bool = False
    next_at: datetime | None = None
    """The new moment of the tenant's rate limit; None: it has none."""


def budget_lock(tenant_id: str) -> str:
    """Name what `check` locks; a tenant's budget is always locked before its spending."""
    return f"{tenant_id}/budget"


def check(connection: Connection, request: AdmissionRequest) -> Admission:
    """Decide on a run; nothing is written yet.

    On Postgres the tenant is locked to the end of the transaction, on SQLite the whole file is.

    :raises RateLimited: when the tenant asks too often.
    :raises BudgetExceeded: when the run could cost more than is left.
    """
    _lock(connection, request.tenant_id)
    parameters = at(request.now) | {"tenant_id": request.tenant_id}
    row = connection.execute(ACCOUNT, parameters).mappings().first()
    if row is None:
        return Admission()
    account = TenantUsage(**row)
    next_at = _next_at(account, request.now) if request.is_request else None
    kept = account.budgets(request.now)
    max_cost = request.max_cost_nanos() if kept else 0
    owed = request.owed_nanos(request.tenant_id) if kept else 0
    for budget in kept:
        _check_budget(replace(budget, spent=budget.spent + owed), max_cost)
    return Admission(max_cost, bool(kept), next_at)


def reserve(connection: Connection, request: AdmissionRequest, admission: Admission) -> None:
    """Write down what `check` has admitted, in the same transaction."""
    if admission.next_at is not None:
        _note_request(connection, request.tenant_id, admission.next_at)
    if admission.reserved_nanos:
        connection.execute(
            insert(reservations).values(
                run_id=request.run_id,
                tenant_id=request.tenant_id,
                cost_nanos=admission.reserved_nanos,
                expires_at=request.deadline_at,
            )
        )


def count_request(connection: Connection, tenant_id: str, now: datetime) -> None:
    """Count a request that reserves nothing, such as a search.

    :raises RateLimited: when the tenant asks too often; nothing is written then.
    """
    _lock(connection, tenant_id)
    row = connection.execute(ACCOUNT, at(now) | {"tenant_id": tenant_id}).mappings().first()
    next_at = None if row is None else _next_at(TenantUsage(**row), now)
    if next_at is not None:
        _note_request(connection, tenant_id, next_at)


def extend(connection: Connection, request: AdmissionRequest, spent_nanos: int) -> None:
    """Reserve more for a run under way.

    A run that is alone with its budget may go on while less than the budget is spent, its own part included,
    unless it says that it does not.

    :param request: its `max_cost_nanos` is what is reserved in addition.
    :param spent_nanos: spending of the run that is not in the ledger yet, calls under way included.
    :raises BudgetExceeded: when the budget does not allow it; nothing is written then.
    """
    _lock(connection, request.tenant_id)
    row = connection.execute(ACCOUNT, at(request.now) | {"tenant_id": request.tenant_id}).mappings().first()
    if row is None:
        return
    more, owed = request.max_cost_nanos(), request.owed_nanos(request.tenant_id)
    own = connection.execute(
        select(reservations.c.cost_nanos).where(
            reservations.c.run_id == request.run_id, reservations.c.expires_at > request.now
        )
    ).scalar_one_or_none()
    for budget in TenantUsage(**row).budgets(request.now):
        is_alone = budget.reserved == (own or 0) and budget.spent + owed + spent_nanos < budget.limit
        if not (is_alone and request.may_exceed_alone):
            _check_budget(replace(budget, spent=budget.spent + owed), more, may_be_alone=False)
    reserved = (own or 0) + more
    statement = upsert(reservations, connection.dialect.name).values(
        run_id=request.run_id,
        tenant_id=request.tenant_id,
        cost_nanos=reserved,
        expires_at=request.deadline_at,
    )
    connection.execute(
        statement.on_conflict_do_update(index_elements=["run_id"], set_={"cost_nanos": reserved})
    )


def release(connection: Connection, run_id: str) -> None:
    """Let go of what a run has reserved, in the transaction that writes what it has spent."""
    connection.execute(delete(reservations).where(reservations.c.run_id == run_id))


def forget_overdue(connection: Connection, now: datetime) -> None:
    """Delete the reservations of runs whose process died; they have not counted since their deadline."""
    connection.execute(delete(reservations).where(reservations.c.expires_at <= now))


def _lock(connection: Connection, tenant_id: str) -> None:
    if connection.dialect.name == "postgresql":
        # A statement of its own: the next one has to see what those have written who held the lock before.
        own = budgets.c.tenant_id == tenant_id
        connection.execute(select(budgets.c.tenant_id).where(own).with_for_update())


def _next_at(account: TenantUsage, now: datetime) -> datetime | None:
    if account.requests_per_minute is None:
        return None
    turn = take_turn(account.next_at, now, account.requests_per_minute)
    if turn.wait:
        raise RateLimited(
            requests_per_minute=account.requests_per_minute,
            retry_after_seconds=turn.wait.total_seconds(),
        )
    return turn.next_at


def _note_request(connection: Connection, tenant_id: str, next_at: datetime) -> None:
    values = {"next_at": next_at}
    statement = upsert(request_rates, connection.dialect.name).values(tenant_id=tenant_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=values))


def _check_budget(budget: Budget, max_cost: int, *, may_be_alone: bool = True) -> None:
    alone = may_be_alone and budget.reserved == 0 and budget.spent < budget.limit
    free = max_cost == 0 and budget.spent <= budget.limit
    if alone or free or budget.spent + budget.reserved + max_cost <= budget.limit:
        return
    raise BudgetExceeded(
        period=budget.period,
        limit_dollars=to_dollars(budget.limit),
        spent_dollars=to_dollars(budget.spent),
        left_dollars=to_dollars(budget.left),
        resets_at=budget.resets_at,
    )
