"""Show in the metrics what tenants have spent, by the ledger: no burst between two scrapes is missing."""

from __future__ import annotations

from functools import partial
from typing import Final

from ai_engine.background.stored_gauges import Series, StoredGauges
from vital_shared.models.money import NANOS
from vital_shared.monitoring.metrics import TENANT, TENANT_SPENT_DOLLARS
from vital_shared.store.spending import read_spending
from vital_shared.workflows.services import Services

__all__ = ["spending_gauges"]

PERIODS: Final = (("day", "daily"), ("month", "monthly"))
"""Values of the label, and the periods of budgets that they name."""


def spending_gauges(services: Services) -> StoredGauges:
    """Make the gauge of each tenant that has a name in the metrics, at 0 where it has spent nothing."""
    return StoredGauges("spending", partial(_read, services))


async def _read(services: Services) -> dict[Series, float]:
    named = TENANT.given
    spent = await read_spending(services.database, named, now=services.now())
    return {
        (TENANT_SPENT_DOLLARS, tenant_id, label): spent.get((tenant_id, period), 0) / NANOS
        for label, period in PERIODS
        for tenant_id in named
        if tenant_id in TENANT  # its name may have been freed meanwhile
    }
