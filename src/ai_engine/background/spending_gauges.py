"""Show in the metrics what tenants have spent, by the ledger: no burst between two scrapes is missing."""

from __future__ import annotations

import asyncio
from typing import Final

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import NANOS, TENANT, TENANT_SPENT_DOLLARS
from vital_shared.store.spending import read_spending
from vital_shared.workflows.services import Services

__all__ = ["SpendingGauges"]

logger = get_logger(__name__)

REFRESH_SECONDS: Final = 10.0

PERIODS: Final = (("day", "daily"), ("month", "monthly"))
"""Values of the label, and the periods of budgets that they name."""


class SpendingGauges:
    """Keeps the gauges of spending up to date from the store, so that all workers show the same."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._shown: set[str] = set()

    async def watch(self) -> None:
        """Refresh again and again, until cancelled."""
        while True:
            try:
                await self.refresh()
            except StoreError as error:
                logger.warning("spending_gauges_not_refreshed", exc_info=error)
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """Show each tenant that has a name in the metrics, at 0 where it has spent nothing."""
        services, named = self._services, TENANT.given
        spent = await read_spending(services.database, named, now=services.now())
        before, self._shown = self._shown, set(named)
        for label, period in PERIODS:
            for tenant_id in named:
                if tenant_id in TENANT:
                    dollars = spent.get((tenant_id, period), 0) / NANOS
                    TENANT_SPENT_DOLLARS.at(tenant_id, label).set(dollars)
            for tenant_id in before - self._shown:
                TENANT_SPENT_DOLLARS.remove(tenant_id, label)
