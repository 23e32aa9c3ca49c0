"""Whether a tenant's limits allow a run: decided, and its money reserved, in the run's own transaction.

A run is admitted while ``spent + reserved + max cost <= limit`` holds for each budget; or, so that a
budget smaller than one max cost can be used at all, where nothing is reserved and less than the limit
is spent. So a budget is never overspent by more than one run's max cost, however many ask at once.
What is free has to wait for no reservation.
A reservation is gone with the run's end or pause, and does not count past the run's deadline.

All that reads comes before all that writes: a run that is refused leaves nothing behind.

The limits of all levels are checked in the same step, and without that exception: see
`vital_shared.store.limit_check`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, literal, select

from vital_shared.errors import BudgetExceeded, RateLimited
from vital_shared.models.money import to_dollars
from vital_shared.models.usage_limits import UsageBound, as_bound
from vital_shared.store.account_tables import budgets, request_rates, reservations
from vital_shared.store.limit_check import (
    LimitedRun,
    check_limits,
    forget_overdue_limits,
    has_limits,
    limits_of,
    release_limits,
    reserve_limits,
)
from vital_shared.store.rate import take_turn
from vital_shared.store.standing import ACCOUNT, ACCOUNTS, Budget, TenantUsage, at
from vital_shared.store.upsert import upsert

__all__ = [
    "Admission",
    "AdmissionRequest",
    "LimitsToLock",
    "budget_lock",
    "check",
    "count_request",
    "extend",
    "forget_overdue",
    "release",
    "reserve",
    "run_lock",
]


class LimitsToLock(Exception):
    """A run that has to lock limits, and needs a transaction of its own for that.

    Others of its transaction could lock them in another order.
    """


class AdmissionRequest(NamedTuple):
    """A run that wants to begin, or to go on after a pause."""

    run_id: str
    tenant_id: str
    now: datetime
    deadline_at: datetime
    """The time when its reservation ends by itself."""
    max_cost_nanos: Callable[[], int | UsageBound]
    """The run's max cost, in nano-dollars, or all that it may use; read only where there is a limit."""
    is_request: bool = True
    """Whether it counts as a request of the tenant's; going on after a pause does not."""
    owed_nanos: Callable[[str], int] = lambda _tenant_id: 0
    """A tenant's spending that waits to be written, so that an outage of the store is no free lunch."""
    may_exceed_alone: bool = True
    """Whether a run that is alone with its budget may go on while some of it is left."""
    user_id: str = ""
    key_id: str | None = None
    """The key that it was asked for with."""
    is_limited: bool = True
    """Whether there may be limits above it; read where it reserves more."""
    has_own_transaction: bool = True
    """Whether nothing else is admitted in its transaction."""
    standstill: timedelta = timedelta()
    """The time by which the clock was set forward while others work, or for which the store took no writes,
    so that what they have spent waits: their reservations last longer."""

    @property
    def at_work_by(self) -> datetime:
        """The time by which a run that is at work is overdue, and what it has reserved counts no more."""
        return self.now - self.standstill

    @property
    def run(self) -> LimitedRun:
        """The run, as limits know it."""
        return LimitedRun(self.tenant_id, self.user_id, self.key_id)


class Admission(NamedTuple):
    """The record of an admitted run in the store."""

    reserved_nanos: int = 0
    has_budget: bool = False
    next_at: datetime | None = None
    """The new moment of the tenant's rate limit; None: it has none."""
    is_limited: bool = False
    """Whether there are limits above it."""
    limits: Mapping[str, int] = {}
    """The amounts to reserve, by limit."""


_TENANT: Final = select(literal(1).label("one")).subquery()
_FOUND: Final = ACCOUNTS.add_columns(has_limits.label("is_limited")).select_from(
    _TENANT.outerjoin(budgets, budgets.c.tenant_id == bindparam("of_tenant", type_=budgets.c.tenant_id.type))
)
"""The tenant's usage, where it has a budget, and whether there are limits above the run."""


def budget_lock(tenant_id: str) -> str:
    """Name what `lock_budget` locks: always before the tenant's runs and its spending."""
    return f"{tenant_id}/budget"


def run_lock(tenant_id: str) -> str:
    """Name what writes of a tenant's runs lock, such as their nodes and calls: behind the tenant's budget."""
    return f"{tenant_id}/run"


def check(connection: Connection, request: AdmissionRequest) -> Admission:
    """Decide on a run; nothing is written yet.

    On Postgres the tenant is locked to the end of the transaction, on SQLite the whole file is.

    :raises RateLimited: when the tenant asks too often.
    :raises BudgetExceeded: when the run could cost more than is left.
    :raises UsageLimited: when it could use more than is left of a limit above it.
    :raises LimitsToLock: when it has to be tried again, in a transaction of its own.
    """
    lock_budget(connection, request.tenant_id)
    parameters = at(request.now, request.at_work_by) | request.run.parameters
    row = dict(connection.execute(_FOUND, parameters).mappings().one())
    is_limited = bool(row.pop("is_limited"))
    account = None if row["tenant_id"] is None else TenantUsage(**row)
    next_at = _next_at(account, request.now) if account and request.is_request else None
    kept = account.budgets(request.now) if account else ()
    bound = as_bound(request.max_cost_nanos()) if kept or is_limited else UsageBound()
    owed = request.owed_nanos(request.tenant_id) if kept else 0
    for budget in kept:
        _check_budget(replace(budget, spent=budget.spent + owed), bound.nanos)
    limits = _limits(connection, request, bound) if is_limited else {}
    return Admission(bound.nanos if kept else 0, bool(kept), next_at, is_limited, limits)


def _limits(connection: Connection, request: AdmissionRequest, bound: UsageBound) -> Mapping[str, int]:
    """Return what a run has to reserve of the limits above it."""
    # A writer of SQLite is alone with the file; on Postgres, limits are locked by one run at a time.
    if connection.dialect.name == "postgresql" and not request.has_own_transaction:
        if any(bound.amount(each.unit, each.model) for each in limits_of(connection, request.run)):
            raise LimitsToLock
        return {}
    return check_limits(connection, request.run, bound, request.now, request.at_work_by)


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
    reserve_limits(connection, request.run_id, admission.limits, request.deadline_at)


def count_request(connection: Connection, tenant_id: str, now: datetime) -> None:
    """Count a request that reserves nothing, such as a search.

    :raises RateLimited: when the tenant asks too often; nothing is written then.
    """
    lock_budget(connection, tenant_id)
    row = connection.execute(ACCOUNT, at(now) | {"tenant_id": tenant_id}).mappings().first()
    next_at = None if row is None else _next_at(TenantUsage(**row), now)
    if next_at is not None:
        _note_request(connection, tenant_id, next_at)


def extend(connection: Connection, request: AdmissionRequest, spent_nanos: int) -> None:
    """Reserve more for a run under way, whose tenant is locked.

    A run that is alone with its budget may go on while less than the budget is spent, its own part included,
    unless it says that it does not.

    :param request: its `max_cost_nanos` is what is reserved in addition.
    :param spent_nanos: spending of the run that is not in the ledger yet, calls under way included.
    :raises BudgetExceeded: when a budget does not allow it; the transaction has to be rolled back then.
    :raises UsageLimited: the same for a limit of tokens, or of a minute.
    """
    parameters = at(request.now, request.at_work_by) | {"tenant_id": request.tenant_id}
    row = connection.execute(ACCOUNT, parameters).mappings().first()
    bound = as_bound(request.max_cost_nanos())
    if row is not None and (bound.nanos or not request.is_limited):
        _extend_budget(connection, request, TenantUsage(**row), bound.nanos, spent_nanos)
    if request.is_limited:  # last: where it is refused, the transaction is rolled back
        amounts = check_limits(connection, request.run, bound, request.now, request.at_work_by)
        reserve_limits(connection, request.run_id, amounts, request.deadline_at)


def _extend_budget(
    connection: Connection, request: AdmissionRequest, account: TenantUsage, more: int, spent_nanos: int
) -> None:
    owed = request.owed_nanos(request.tenant_id)
    own = connection.execute(
        select(reservations.c.cost_nanos).where(
            reservations.c.run_id == request.run_id, reservations.c.expires_at > request.at_work_by
        )
    ).scalar_one_or_none()
    for budget in account.budgets(request.now):
        is_alone = budget.reserved == (own or 0) and budget.spent + owed + spent_nanos < budget.limit
        if not (is_alone and request.may_exceed_alone):
            _check_budget(replace(budget, spent=budget.spent + owed), more, may_be_alone=False)
    latest = {"cost_nanos": (own or 0) + more, "expires_at": request.deadline_at}
    statement = upsert(reservations, connection.dialect.name).values(
        run_id=request.run_id, tenant_id=request.tenant_id, **latest
    )
    connection.execute(statement.on_conflict_do_update(index_elements=["run_id"], set_=latest))


def release(connection: Connection, run_id: str, *, is_limited: bool = True) -> None:
    """Let go of what a run has reserved, in the transaction that writes what it has spent.

    :param is_limited: whether there may be limits above it.
    """
    connection.execute(delete(reservations).where(reservations.c.run_id == run_id))
    if is_limited:
        release_limits(connection, run_id)


def forget_overdue(connection: Connection, now: datetime) -> None:
    """Delete the reservations of runs whose process died; they have not counted since their deadline."""
    connection.execute(delete(reservations).where(reservations.c.expires_at <= now))
    forget_overdue_limits(connection, now)


def lock_budget(connection: Connection, tenant_id: str) -> None:
    """Lock a tenant to the end of the transaction, before any of its runs: see `budget_lock`."""
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
