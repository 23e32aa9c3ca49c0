"""The limits of organisations, tenants, keys and users: set, listed and removed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    tuple_,
    update,
)

from vital_shared.errors import InvalidRequest, NotFound
from vital_shared.models.money import to_dollars, to_nanos
from vital_shared.models.usage_limits import LEVELS, Organisation, UsageLimit, UsageLimitQuery, UsageStanding
from vital_shared.store.account_tables import api_keys, ledger
from vital_shared.store.audit import AuditedChange, add_entry
from vital_shared.store.database import Database
from vital_shared.store.ledger import lock_spending
from vital_shared.store.limit_check import RESERVED, reserve_under_way
from vital_shared.store.limit_tables import limit_usage, tenant_organisations, usage_limits
from vital_shared.store.periods import usage_period_end, usage_period_key
from vital_shared.store.tables import runs
from vital_shared.store.upsert import upsert

__all__ = ["UsageLimitStore"]

_COLUMNS = usage_limits.c

_PLACE: Final[tuple[ColumnElement[Any], ...]] = (
    case({level: rank for rank, level in enumerate(LEVELS)}, value=_COLUMNS.level),
    _COLUMNS.tenant_id,
    _COLUMNS.scope_id,
    _COLUMNS.model,
    _COLUMNS.unit,
    case({"minute": 0, "day": 1, "month": 2}, value=_COLUMNS.period),
    _COLUMNS.id,
)
"""The place of a limit in a list, from the top of the tree down."""


class UsageLimitStore:
    """The limits of all levels; where a tenant is asked for, None is an operator, who sees all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, limit: UsageLimit, *, now: datetime) -> UsageStanding:
        """Set a limit, in place of the one for the same; it holds from the next request on.

        A new one counts what the ledger has of the running period, and reserves for runs under way what is
        known of them.
        """
        limit_id = _id_of(limit)
        amount = to_nanos(limit.amount) if limit.unit == "dollars" else int(limit.amount)
        row = {
            "level": limit.level,
            "scope_id": limit.id,
            "tenant_id": limit.tenant_id or "",
            "model": limit.model or "",
            "unit": limit.unit,
            "period": limit.period,
        }
        changed = {"amount": amount, "updated_at": now}

        def write(connection: Connection) -> None:
            new = upsert(usage_limits, connection.dialect.name).values(id=limit_id, **row, **changed)
            adding = new.on_conflict_do_nothing(index_elements=["id"]).returning(_COLUMNS.id)
            if connection.execute(adding).first() is None:
                connection.execute(update(usage_limits).where(_COLUMNS.id == limit_id).values(changed))
            else:
                lock_spending(connection, _tenants_of(connection, limit), now)
                _count_earlier(connection, limit, limit_id, now)
                reserve_under_way(connection, [limit_id], now)
            details = limit.model_dump(
                mode="json", exclude={"id", "tenant_id"} if _names_person(limit) else {}
            )
            add_entry(connection, _change("limit_set", limit.level, limit.id, limit.tenant_id, now, details))

        async with self._database.begin() as connection:
            await connection.run_sync(write)
        return await self.get(limit_id, now=now)

    async def get(self, limit_id: str, *, now: datetime) -> UsageStanding:
        """Return a limit, and what is left of it.

        :raises NotFound: when there is none.
        """
        found = await self._standings(_COLUMNS.id == limit_id, now)
        if not found:
            raise _no_limit(limit_id)
        return found[0]

    async def list(self, *, now: datetime, tenant_id: str | None = None) -> tuple[UsageStanding, ...]:
        """Return the limits, from the top of the tree down.

        :param tenant_id: only those of the tenant, its keys and its users: what an organisation has spent is
            its other tenants' affair, too.
        """
        return await self._standings(_visible(tenant_id), now)

    async def page(
        self, query: UsageLimitQuery, *, now: datetime, tenant_id: str | None = None
    ) -> tuple[tuple[UsageStanding, ...], str | None]:
        """Return a page of the limits, from the top of the tree down, and the cursor of the next page.

        :param tenant_id: as in `list`.
        :raises InvalidRequest: when the cursor is none of a page, or its limit was removed meanwhile.
        """
        statement = select(_COLUMNS.id).where(_visible(tenant_id)).order_by(*_PLACE).limit(query.limit + 1)
        async with self._database.connect() as connection:
            if query.cursor is not None:
                known = select(*_PLACE).where(_COLUMNS.id == query.cursor, _visible(tenant_id))
                last = (await connection.execute(known)).first()
                if last is None:
                    raise InvalidRequest(
                        "cursor is not the next_cursor of a page, or its limit was removed: "
                        "begin without one",
                        field="cursor",
                    )
                statement = statement.where(tuple_(*_PLACE) > tuple_(*last))
            ids = (await connection.execute(statement)).scalars().all()
        page, rest = ids[: query.limit], ids[query.limit :]
        standings = {each.limit_id: each for each in await self._standings(_COLUMNS.id.in_(page), now)}
        found = tuple(standings[limit_id] for limit_id in page if limit_id in standings)
        return found, page[-1] if rest else None

    async def remove(self, limit_id: str) -> None:
        """Remove a limit.

        :raises NotFound: when there is none.
        """
        statement = delete(usage_limits).where(_COLUMNS.id == limit_id).returning(usage_limits)
        async with self._database.begin() as connection:
            row = (await connection.execute(statement)).first()
            if row is None:
                raise _no_limit(limit_id)
            await connection.execute(delete(limit_usage).where(limit_usage.c.limit_id == limit_id))
            details = {"unit": row.unit, "period": row.period, "model": row.model or None}
            change = _change(
                "limit_removed", row.level, row.scope_id, row.tenant_id or None, datetime.now(UTC), details
            )
            await connection.run_sync(add_entry, change)

    async def join(self, tenant_id: str, organisation_id: str, *, now: datetime) -> None:
        """Put a tenant under an organisation, in place of the one that it belonged to.

        What it has spent before is not the organisation's; what its runs under way may still spend is.
        """
        own = (_COLUMNS.level == "organisation", _COLUMNS.scope_id == organisation_id)
        values = {"organisation_id": organisation_id}
        statement = upsert(tenant_organisations, self._database.dialect).values(tenant_id=tenant_id, **values)
        async with self._database.begin() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["tenant_id"], set_=values)
            )
            limits = (await connection.execute(select(_COLUMNS.id).where(*own))).scalars().all()
            await connection.run_sync(reserve_under_way, limits, now)
            change = AuditedChange("organisation_joined", organisation_id, tenant_id, now)
            await connection.run_sync(add_entry, change)

    async def leave(self, tenant_id: str, organisation_id: str) -> None:
        """Take a tenant out of an organisation.

        :raises NotFound: when it does not belong to it.
        """
        own = tenant_organisations.c
        is_it = (own.tenant_id == tenant_id, own.organisation_id == organisation_id)
        statement = delete(tenant_organisations).where(*is_it).returning(own.tenant_id)
        async with self._database.begin() as connection:
            if (await connection.execute(statement)).first() is None:
                raise NotFound(
                    f"The tenant {tenant_id} does not belong to the organisation {organisation_id}",
                    field="tenant_id",
                )
            change = AuditedChange("organisation_left", organisation_id, tenant_id, datetime.now(UTC))
            await connection.run_sync(add_entry, change)

    async def organisations(self) -> tuple[Organisation, ...]:
        """Return the organisations that have tenants, by their ids."""
        own = tenant_organisations.c
        statement = select(own.organisation_id, own.tenant_id).order_by(own.organisation_id, own.tenant_id)
        found: dict[str, list[str]] = defaultdict(list)
        async with self._database.connect() as connection:
            for organisation_id, tenant_id in await connection.execute(statement):
                found[organisation_id].append(tenant_id)
        return tuple(
            Organisation(organisation_id=organisation_id, tenants=tuple(tenants))
            for organisation_id, tenants in found.items()
        )

    async def _standings(self, which: ColumnElement[bool], now: datetime) -> tuple[UsageStanding, ...]:
        used = limit_usage.c
        counts = or_(used.period != RESERVED, used.expires_at > now)
        statement = (
            select(usage_limits, used.period.label("in_period"), func.sum(used.amount).label("used"))
            .outerjoin(limit_usage, and_(used.limit_id == _COLUMNS.id, counts))
            .where(which)
            .group_by(*_COLUMNS, used.period)
        )
        rows: dict[str, list[Row[Any]]] = defaultdict(list)
        async with self._database.connect() as connection:
            for row in await connection.execute(statement):
                rows[row.id].append(row)
        return tuple(sorted((_standing(each, now) for each in rows.values()), key=_order))


def _visible(tenant_id: str | None) -> ColumnElement[bool]:
    """Restrict to the limits of a tenant, its keys and its users; None for all."""
    if tenant_id is None:
        return true()
    keys = select(api_keys.c.id).where(api_keys.c.tenant_id == tenant_id)
    return or_(
        and_(_COLUMNS.level == "tenant", _COLUMNS.scope_id == tenant_id),
        and_(_COLUMNS.level == "user", _COLUMNS.tenant_id == tenant_id),
        and_(_COLUMNS.level == "key", _COLUMNS.scope_id.in_(keys)),
    )


def _tenants_of(connection: Connection, limit: UsageLimit) -> Collection[str]:
    """Return the tenants whose runs are under a limit, as far as they have begun any."""
    if limit.level == "organisation":
        members = tenant_organisations.c
        found = select(members.tenant_id).where(members.organisation_id == limit.id)
    elif limit.level == "key":  # one of an operator's asks for many
        found = select(runs.c.tenant_id).where(runs.c.key_id == limit.id).distinct()
    else:
        return {limit.tenant_id or limit.id}
    return connection.execute(found).scalars().all()


def _count_earlier(connection: Connection, limit: UsageLimit, limit_id: str, now: datetime) -> None:
    """Count what was spent in the running period before there was the limit."""
    start = _period_start(limit, now)
    what = (
        func.sum(ledger.c.cost_nanos)
        if limit.unit == "dollars"
        else func.sum(ledger.c.input_tokens + ledger.c.output_tokens)
    )
    own: list[ColumnElement[bool]] = [ledger.c.at >= start, ledger.c.run_id.is_not(None)]
    if limit.model is not None:
        own += [ledger.c.cost_type == "llm", ledger.c.name == limit.model]
    if limit.level == "organisation":
        tenants = select(tenant_organisations.c.tenant_id)
        own.append(ledger.c.tenant_id.in_(tenants.where(tenant_organisations.c.organisation_id == limit.id)))
    elif limit.level == "key":
        own.append(ledger.c.run_id.in_(select(runs.c.id).where(runs.c.key_id == limit.id)))
    else:
        own.append(ledger.c.tenant_id == (limit.tenant_id or limit.id))
    if limit.level == "user":
        own.append(ledger.c.user_id == limit.id)
    spent = int(connection.execute(select(func.coalesce(what, 0)).where(*own)).scalar_one())
    if spent:
        period = usage_period_key(limit.period, now)
        row = {"limit_id": limit_id, "run_id": "", "period": period, "amount": spent}
        connection.execute(insert(limit_usage), row)


def _period_start(limit: UsageLimit, now: datetime) -> datetime:
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    if limit.period == "minute":
        return minute
    day = minute.replace(hour=0, minute=0)
    return day if limit.period == "day" else day.replace(day=1)


def _standing(rows: Sequence[Row[Any]], now: datetime) -> UsageStanding:
    limit = rows[0]
    running = usage_period_key(limit.period, now)
    spent = sum(int(row.used) for row in rows if row.in_period and row.in_period >= running)
    reserved = sum(int(row.used) for row in rows if row.in_period == RESERVED)

    def amount(value: int) -> Decimal:
        return to_dollars(value) if limit.unit == "dollars" else Decimal(value)

    return UsageStanding(
        limit_id=limit.id,
        level=limit.level,
        id=limit.scope_id,
        tenant_id=limit.tenant_id or None,
        model=limit.model or None,
        unit=limit.unit,
        period=limit.period,
        amount=amount(limit.amount),
        spent=amount(spent),
        reserved=amount(reserved),
        left=amount(max(0, limit.amount - spent - reserved)),
        resets_at=usage_period_end(limit.period, now),
        updated_at=limit.updated_at,
    )


def _order(standing: UsageStanding) -> tuple[Any, ...]:
    place = (standing.tenant_id or "", standing.id, standing.model or "", standing.unit)
    return (LEVELS.index(standing.level), *place, standing.resets_at)


def _id_of(limit: UsageLimit) -> str:
    parts = (limit.level, limit.tenant_id or "", limit.id, limit.model or "", limit.unit, limit.period)
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"limit_{digest[:24]}"


def _names_person(limit: UsageLimit) -> bool:
    return limit.level == "user"


def _change(
    action: Any, level: str, scope_id: str, tenant_id: str | None, at: datetime, details: dict[str, Any]
) -> AuditedChange:
    """Make the audit log's entry; a user is in it as its person, which can be erased."""
    details = {"level": level} | details
    if level == "user":
        return AuditedChange(action, "", tenant_id, at, person=scope_id, details=details)
    tenant = scope_id if level == "tenant" else None
    return AuditedChange(action, scope_id, tenant, at, details=details)


def _no_limit(limit_id: str) -> NotFound:
    return NotFound(f"There is no limit {limit_id}: list them to see their ids", field="limit_id")
