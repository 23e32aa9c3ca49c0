"""The periods of budgets and limits: minutes, days and months, of UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from vital_shared.models.limits import Period
from vital_shared.models.usage_limits import LimitPeriod

__all__ = ["period_end", "period_key", "usage_period_end", "usage_period_key"]

_FORMATS: Final[dict[LimitPeriod, str]] = {"minute": "%Y-%m-%dT%H:%M", "day": "%Y-%m-%d", "month": "%Y-%m"}


def period_key(period: Period, now: datetime) -> str:
    """Name the period that a moment is in, as `spending` does: ``2026-11-25`` or ``2026-11``."""
    return f"{now.astimezone(UTC):{'%Y-%m-%d' if period == 'daily' else '%Y-%m'}}"


def period_end(period: Period, now: datetime) -> datetime:
    """Return the first moment of the next period."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "daily":
        return today + timedelta(days=1)
    return (today.replace(day=1) + timedelta(days=32)).replace(day=1)


def usage_period_key(period: LimitPeriod, now: datetime) -> str:
    """Name the period that a moment is in; of one length, later periods have greater names."""
    return f"{now.astimezone(UTC):{_FORMATS[period]}}"


def usage_period_end(period: LimitPeriod, now: datetime) -> datetime:
    """Return the first moment of the next period."""
    if period == "minute":
        return now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    return period_end("daily" if period == "day" else "monthly", now)
