"""The use of limits of a day or a month, for the metrics: the fullest of each level, holder, unit and period.

A tenant may have a limit for each of many thousand keys and users. The database picks the ones that are
shown, so that their number is that of the holders.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Float, Row, Select, Subquery, case, cast, func, select

from vital_shared.models.money import NANOS
from vital_shared.store.account_tables import api_keys
from vital_shared.store.database import Database
from vital_shared.store.limit_check import RESERVED
from vital_shared.store.limit_tables import limit_usage, usage_limits
from vital_shared.store.periods import usage_period_key

__all__ = ["FullestLimit", "limit_holders", "read_fullest_limits"]


class FullestLimit(NamedTuple):
    """The limit of a day or a month of which most is used, of one level, holder, unit and period."""

    level: str
    holder: str
    """The organisation, or the tenant; also that of a key or a user."""

    unit: str
    period: str
    amount: float
    """Dollars, or tokens; and so the others."""

    spent: float
    reserved: float

    @property
    def left(self) -> float:
        """The rest, less what active runs have reserved."""
        return max(0.0, self.amount - self.spent - self.reserved)

    @property
    def share(self) -> float:
        """The spent share; of a limit of nothing it is 0, since nothing can be spent of it."""
        return self.spent / self.amount if self.amount else 0.0


def limit_holders() -> Select[tuple[Any]]:
    """Select the holders of limits of a day or a month, by their names."""
    holder = _holder().label("holder")
    return select(holder).select_from(_LIMITS_AND_KEYS).where(*_SHOWN).distinct().order_by("holder")


async def read_fullest_limits(database: Database, *, now: datetime) -> tuple[FullestLimit, ...]:
    """Return one limit for each level, holder, unit and period of which there are any."""
    async with database.connect() as connection:
        rows = (await connection.execute(_fullest(now))).all()
    return tuple(_limit(row) for row in rows)


def _limit(row: Row[Any]) -> FullestLimit:
    amount, spent, reserved = (
        int(each) / NANOS if row.unit == "dollars" else float(each)
        for each in (row.amount, row.spent, row.reserved)
    )
    return FullestLimit(row.level, row.holder, row.unit, row.period, amount, spent, reserved)


_LIMITS_AND_KEYS = usage_limits.outerjoin(
    api_keys, (usage_limits.c.level == "key") & (api_keys.c.id == usage_limits.c.scope_id)
)


def _holder() -> ColumnElement[Any]:
    """Return the organisation or tenant of a limit; nothing for that of a key that is not there."""
    return case(
        (usage_limits.c.level == "key", api_keys.c.tenant_id),
        (usage_limits.c.level == "user", usage_limits.c.tenant_id),
        else_=usage_limits.c.scope_id,
    )


# A limit of a minute is reached and over again before anybody looks; a key may be gone.
_SHOWN = (usage_limits.c.period != "minute", _holder().is_not(None))


def _fullest(now: datetime) -> Select[Any]:
    used = _used(now)
    own = usage_limits.c
    spent, reserved = (func.coalesce(each, 0) for each in (used.c.spent, used.c.reserved))
    share = func.coalesce(cast(spent, Float) / func.nullif(own.amount, 0), 0)
    place = (own.level, _holder(), own.unit, own.period)
    ranked = (
        select(
            own.level,
            _holder().label("holder"),
            own.unit,
            own.period,
            own.amount,
            spent.label("spent"),
            reserved.label("reserved"),
            func.row_number()
            .over(partition_by=place, order_by=(share.desc(), own.amount, own.id))
            .label("place"),
        )
        .select_from(_LIMITS_AND_KEYS.outerjoin(used, used.c.limit_id == own.id))
        .where(*_SHOWN)
        .subquery()
    )
    return select(ranked).where(ranked.c.place == 1)


def _used(now: datetime) -> Subquery:
    """Add up what is spent of each limit in its running period, and what is reserved."""
    own = limit_usage.c
    running = case(
        (usage_limits.c.period == "day", usage_period_key("day", now)),
        else_=usage_period_key("month", now),
    )
    is_spent = (own.period != RESERVED) & (own.period >= running)
    is_reserved = (own.period == RESERVED) & (own.expires_at > now)
    return (
        select(
            own.limit_id,
            func.sum(case((is_spent, own.amount), else_=0)).label("spent"),
            func.sum(case((is_reserved, own.amount), else_=0)).label("reserved"),
        )
        .join(usage_limits, usage_limits.c.id == own.limit_id)
        .group_by(own.limit_id)
        .subquery()
    )
