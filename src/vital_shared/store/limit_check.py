"""Whether the limits of an organisation, a tenant, a key and a user allow a run, all decided in one step.

A run, or a part of it, is admitted while ``spent + reserved + its upper bound <= limit`` holds for each
limit above it; what it may use is reserved with all of them, in the transaction that decides. Unlike a
tenant's budget, no limit lets a run through that is alone with it: nothing is overspent, and nothing is
refused whose bound fits what is left.

The limits of one run are locked in the order of their ids, on Postgres; on SQLite the whole file is. A run
that ends locks nothing: it deletes what it has reserved and adds what it has spent as rows of its own, in one
transaction. So what is spent and what is reserved are read by one statement, which sees either all of an end
or nothing of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from vital_shared.errors import BudgetExceeded, UsageLimited
from vital_shared.models.charge import Charge
from vital_shared.models.money import to_dollars
from vital_shared.models.usage_limits import ModelUse, UsageBound
from vital_shared.store.limit_tables import limit_usage, tenant_organisations, usage_limits
from vital_shared.store.periods import usage_period_end, usage_period_key
from vital_shared.store.tables import runs

__all__ = [
    "RESERVED",
    "LimitedRun",
    "check_limits",
    "count_charges",
    "extend_limits",
    "forget_overdue_limits",
    "has_limits",
    "has_limits_of_run",
    "limits_of",
    "matches",
    "release_limits",
    "reserve_limits",
    "reserve_under_way",
]

RESERVED: Final = ""
"""The period of what is reserved: it counts in each."""

MAX_SPENT_ROWS: Final = 20
"""Rows of what runs have spent of one limit; when there are more, they are added up to one."""


class LimitedRun(NamedTuple):
    """A run, as limits know it."""

    tenant_id: str
    user_id: str
    key_id: str | None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the statements of this module."""
        return {"of_tenant": self.tenant_id, "of_user": self.user_id, "of_key": self.key_id}


def matches(
    tenant_id: ColumnElement[Any], user_id: ColumnElement[Any], key_id: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Return the condition that a limit is above a run."""
    organisation = (
        select(tenant_organisations.c.organisation_id)
        .where(tenant_organisations.c.tenant_id == tenant_id)
        .scalar_subquery()
    )
    level, scope_id = usage_limits.c.level, usage_limits.c.scope_id
    return or_(
        and_(level == "tenant", scope_id == tenant_id),
        and_(level == "user", scope_id == user_id, usage_limits.c.tenant_id == tenant_id),
        and_(level == "key", scope_id == key_id),
        and_(level == "organisation", scope_id == organisation),
    )


def _parameter(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=usage_limits.c.scope_id.type)


_IS_ABOVE: Final = matches(_parameter("of_tenant"), _parameter("of_user"), _parameter("of_key"))
has_limits: Final = exists().where(_IS_ABOVE)
"""The condition that there is a limit above the run of `LimitedRun.parameters`."""

_KEY_OF_RUN: Final = select(runs.c.key_id).where(runs.c.id == _parameter("of_run")).scalar_subquery()
has_limits_of_run: Final = exists().where(
    matches(_parameter("of_tenant"), _parameter("of_user"), _KEY_OF_RUN)
)
"""The same for a run that is stored: by its id, its tenant and its user."""

_LIMITS: Final = select(usage_limits).where(_IS_ABOVE).order_by(usage_limits.c.id)
_LOCKED_LIMITS: Final = _LIMITS.with_for_update()

_USAGE: Final = select(
    limit_usage.c.id,
    limit_usage.c.limit_id,
    limit_usage.c.period,
    limit_usage.c.amount,
    limit_usage.c.expires_at,
).where(limit_usage.c.limit_id.in_(bindparam("limits", expanding=True)))


def limits_of(connection: Connection, run: LimitedRun) -> Sequence[Row[Any]]:
    """Return the limits above a run."""
    return connection.execute(_LIMITS, run.parameters).all()


def check_limits(
    connection: Connection, run: LimitedRun, bound: UsageBound, now: datetime, at_work_by: datetime
) -> dict[str, int]:
    """Decide whether a part of a run may begin; return what it has to reserve, by the limit's id.

    The limits stay locked to the end of the transaction.

    :param bound: the most that it may use, beside what the run has reserved.
    :param at_work_by: the time by which what others have reserved counts no more.
    :raises BudgetExceeded: when it could cost more than is left of a day's or a month's money.
    :raises UsageLimited: when it could use more than is left of tokens, or of a minute's money.
    """
    limits = connection.execute(_LOCKED_LIMITS, run.parameters).all()
    needed = {each.id: bound.amount(each.unit, each.model) for each in limits}
    needed = {limit_id: amount for limit_id, amount in needed.items() if amount > 0}
    if not needed:
        return {}
    found = defaultdict(list)
    for row in connection.execute(_USAGE, {"limits": list(needed)}):
        found[row.limit_id].append(row)
    refused = []
    for limit in limits:
        if limit.id not in needed:
            continue
        spent, reserved = _add_up(connection, limit, found[limit.id], now, at_work_by)
        if spent + reserved + needed[limit.id] > limit.amount:
            refused.append((limit, spent, reserved))
    if refused:  # of several, the one to report is the one that lasts longest
        raise _refusal(*max(refused, key=lambda each: usage_period_end(each[0].period, now)), now)
    return needed


def reserve_limits(
    connection: Connection, run_id: str, amounts: Mapping[str, int], expires_at: datetime
) -> None:
    """Reserve what `check_limits` has admitted, in the same transaction."""
    if amounts:
        common = {"run_id": run_id, "period": RESERVED, "expires_at": expires_at}
        rows = [common | {"limit_id": limit, "amount": amount} for limit, amount in amounts.items()]
        connection.execute(insert(limit_usage), rows)


def reserve_under_way(connection: Connection, limit_ids: Sequence[str], now: datetime) -> None:
    """Reserve for runs under way, of limits that were not above them yet, what others have reserved for them.

    What a run may still use is known of limits alone that are for the same: the same unit and model. A run
    without such a limit has nothing reserved, and counts when it ends.
    """
    other, own = usage_limits.alias(), limit_usage.alias()
    is_same = and_(
        usage_limits.c.id.in_(limit_ids),
        usage_limits.c.id != other.c.id,
        usage_limits.c.unit == other.c.unit,
        usage_limits.c.model == other.c.model,
        matches(runs.c.tenant_id, runs.c.user_id, runs.c.key_id),
    )
    has_own = exists().where(
        own.c.limit_id == usage_limits.c.id, own.c.run_id == runs.c.id, own.c.period == RESERVED
    )
    used = limit_usage.c
    amount = func.sum(used.amount).label("amount")
    statement = (
        select(usage_limits.c.id, used.run_id, amount, func.max(used.expires_at).label("expires_at"))
        .select_from(limit_usage)
        .join(runs, runs.c.id == used.run_id)
        .join(other, other.c.id == used.limit_id)
        .join(usage_limits, is_same)
        .where(used.period == RESERVED, used.expires_at > now, ~has_own)
        .group_by(usage_limits.c.id, used.run_id, used.limit_id)
        .order_by(amount)
    )
    found = {(row.id, row.run_id): row for row in connection.execute(statement)}  # the largest comes last
    rows = [
        {
            "limit_id": row.id,
            "run_id": row.run_id,
            "period": RESERVED,
            "amount": int(row.amount),
            "expires_at": row.expires_at,
        }
        for row in found.values()
    ]
    if rows:
        connection.execute(insert(limit_usage), rows)


def extend_limits(connection: Connection, run_id: str, expires_at: datetime) -> None:
    """Keep what is reserved for a run that another worker takes over."""
    own = (limit_usage.c.run_id == run_id, limit_usage.c.period == RESERVED)
    connection.execute(update(limit_usage).where(*own).values(expires_at=expires_at))


def release_limits(connection: Connection, run_id: str) -> None:
    """Let go of what a run has reserved, in the transaction that writes what it has spent."""
    own = (limit_usage.c.run_id == run_id, limit_usage.c.period == RESERVED)
    connection.execute(delete(limit_usage).where(*own))


def forget_overdue_limits(connection: Connection, now: datetime) -> None:
    """Delete what was reserved for runs whose process died; it has not counted since their deadline."""
    connection.execute(delete(limit_usage).where(limit_usage.c.expires_at <= now))


def _counted() -> Any:
    """Make the statement that adds what a run has spent with a model to each limit above it."""

    def given(name: str) -> ColumnElement[Any]:
        return bindparam(f"of_{name}", type_=limit_usage.c.period.type)

    period = case(
        (usage_limits.c.period == "minute", given("minute")),
        (usage_limits.c.period == "day", given("day")),
        else_=given("month"),
    )
    nanos, tokens = (bindparam(name, type_=limit_usage.c.amount.type) for name in ("nanos", "tokens"))
    amount = case((usage_limits.c.unit == "dollars", nanos), else_=tokens)
    rows = (
        select(usage_limits.c.id, runs.c.id, period, amount)
        .join_from(runs, usage_limits, matches(runs.c.tenant_id, runs.c.user_id, runs.c.key_id))
        .where(runs.c.id == given("run"), amount > 0)
        .where(or_(usage_limits.c.model == literal(""), usage_limits.c.model == given("model")))
    )
    return insert(limit_usage).from_select(["limit_id", "run_id", "period", "amount"], rows)


_COUNT: Final = _counted()


def count_charges(connection: Connection, run_id: str, charges: Iterable[Charge], at: datetime) -> None:
    """Add what a run has paid for to what is spent of the limits above it."""
    uses: dict[str, ModelUse] = {}
    for charge in charges:
        model = charge.name if charge.cost_type == "llm" else ""
        use = uses.get(model, ModelUse())
        tokens = charge.tokens.input + charge.tokens.output
        uses[model] = ModelUse(use.nanos + charge.cost_nanos, use.tokens + tokens)
    common = {
        "of_run": run_id,
        "of_minute": usage_period_key("minute", at),
        "of_day": usage_period_key("day", at),
        "of_month": usage_period_key("month", at),
    }
    rows = [common | {"of_model": model} | use._asdict() for model, use in uses.items() if any(use)]
    if rows:
        connection.execute(_COUNT, rows)


def _add_up(
    connection: Connection, limit: Row[Any], rows: Sequence[Any], now: datetime, at_work_by: datetime
) -> tuple[int, int]:
    """Return what is spent in the running period, and what is reserved."""
    running = usage_period_key(limit.period, now)
    # What a later period has counts, too: a request that has waited is behind the clock of others.
    spent_rows = [row for row in rows if row.period != RESERVED]
    by_period: dict[str, int] = defaultdict(int)
    for row in spent_rows:
        by_period[row.period] += row.amount
    reserved = sum(row.amount for row in rows if row.period == RESERVED and row.expires_at > at_work_by)
    if len(spent_rows) > MAX_SPENT_ROWS:
        connection.execute(delete(limit_usage).where(limit_usage.c.id.in_([row.id for row in spent_rows])))
        kept = [
            {"limit_id": limit.id, "run_id": "", "period": period, "amount": amount}
            for period, amount in by_period.items()
            if period >= running
        ]
        if kept:
            connection.execute(insert(limit_usage), kept)
    return sum(amount for period, amount in by_period.items() if period >= running), reserved


def holder_of(limit: Any) -> str:
    """Name the part of the tree that a limit is for."""
    of_tenant = f" of the tenant {limit.tenant_id}" if limit.level == "user" else ""
    of_model = f' for the model "{limit.model}"' if limit.model else ""
    return f"the {limit.level} {limit.scope_id}{of_tenant}{of_model}"


def _refusal(limit: Row[Any], spent: int, reserved: int, now: datetime) -> BudgetExceeded | UsageLimited:
    left, resets_at = max(0, limit.amount - spent - reserved), usage_period_end(limit.period, now)
    if limit.unit == "dollars" and limit.period != "minute":
        return BudgetExceeded(
            period="daily" if limit.period == "day" else "monthly",
            limit_dollars=to_dollars(limit.amount),
            spent_dollars=to_dollars(spent),
            left_dollars=to_dollars(left),
            resets_at=resets_at,
            holder=holder_of(limit),
            level=limit.level,
        )

    def amount(value: int) -> str:
        return f"${to_dollars(value):f}" if limit.unit == "dollars" else f"{value} tokens"

    return UsageLimited(
        holder=holder_of(limit),
        level=limit.level,
        unit=limit.unit,
        period=limit.period,
        limit=f"{amount(limit.amount)} per {limit.period}",
        left=amount(left),
        resets_at=resets_at,
        retry_after_seconds=(resets_at - now).total_seconds(),
    )
