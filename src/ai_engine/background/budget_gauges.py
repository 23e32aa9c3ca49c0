"""Show in the metrics what tenants with a budget may spend, and have spent."""

from __future__ import annotations

from functools import partial

from ai_engine.background.stored_gauges import Series, StoredGauges
from vital_shared.monitoring.metrics import BUDGET_LIMIT_DOLLARS, BUDGET_SPENT_DOLLARS, TENANT
from vital_shared.workflows.services import Services

__all__ = ["budget_gauges"]


def budget_gauges(services: Services) -> StoredGauges:
    """Make the two gauges of each budget of the tenants that have a name in the metrics."""
    return StoredGauges("budgets", partial(_read, services))


async def _read(services: Services) -> dict[Series, float]:
    found: dict[Series, float] = {}
    for standing in await services.limits.list(tenant_ids=TENANT.values, now=services.now()):
        for period, budget in (("day", standing.daily), ("month", standing.monthly)):
            if budget is not None:
                found[BUDGET_LIMIT_DOLLARS, standing.tenant_id, period] = float(budget.limit_dollars)
                found[BUDGET_SPENT_DOLLARS, standing.tenant_id, period] = float(budget.spent_dollars)
    return found
