"""The periods of budgets: days and months, of UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vital_shared.models.limits import Period

__all__ = ["period_end", "period_key"]


def period_key(period: Period, now: datetime) -> str:
    """Name the period that a moment is in, as `spending` does: ``2026-11-25`` or ``2026-11``."""
    return f"{now.astimezone(UTC):{'%Y-%m-%d' if period == 'daily' else '%Y-%m'}}"


def period_end(period: Period, now: datetime) -> datetime:
    """Return the first moment of the next period."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "daily":
        return today + timedelta(days=1)
    return (today.replace(day=1) + timedelta(days=32)).replace(day=1)
