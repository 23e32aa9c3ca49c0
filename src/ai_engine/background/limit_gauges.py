"""Show in the metrics what limits allow, what is spent of them, and what is left."""

from __future__ import annotations

from functools import partial

from ai_engine.background.stored_gauges import Series, StoredGauges
from vital_shared.monitoring.labels import OTHER
from vital_shared.monitoring.metrics import (
    LIMIT_HOLDER,
    MAX_SHOWN_LIMITS,
    USAGE_LIMIT_AMOUNT,
    USAGE_LIMIT_LEFT,
    USAGE_LIMIT_SPENT,
)
from vital_shared.store.fullest_limits import FullestLimit, read_fullest_limits
from vital_shared.workflows.services import Services

__all__ = ["limit_gauges"]


def limit_gauges(services: Services) -> StoredGauges:
    """Make the gauges of the fullest limit of each level, holder, unit and period, as many as are shown.

    When there are more holders than names, the fullest of those without one is shown as another's.
    """
    return StoredGauges("limits", partial(_read, services))


async def _read(services: Services) -> dict[Series, float]:
    shown: dict[tuple[str, ...], FullestLimit] = {}
    for limit in await read_fullest_limits(services.database, now=services.now()):
        if limit.holder not in LIMIT_HOLDER and not LIMIT_HOLDER.is_full:
            continue  # it gets its name within a minute
        holder = limit.holder if limit.holder in LIMIT_HOLDER else OTHER
        place = (limit.level, holder, limit.unit, limit.period)
        if place not in shown or shown[place].share < limit.share:
            shown[place] = limit
    found: dict[Series, float] = {}
    for labels, limit in sorted(shown.items(), key=_by_use)[:MAX_SHOWN_LIMITS]:
        found[USAGE_LIMIT_AMOUNT, *labels] = limit.amount
        found[USAGE_LIMIT_SPENT, *labels] = limit.spent
        found[USAGE_LIMIT_LEFT, *labels] = limit.left
    return found


def _by_use(shown: tuple[tuple[str, ...], FullestLimit]) -> tuple[float, tuple[str, ...]]:
    """Return the place of a limit: the fullest first, in the same order in all workers."""
    labels, limit = shown
    return -limit.share, labels
