"""Show in the metrics what tenants with a budget may spend, and have spent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.models.limits import TenantStanding
from vital_shared.monitoring.metrics import BUDGET_LIMIT_DOLLARS, BUDGET_SPENT_DOLLARS, TENANT
from vital_shared.workflows.services import Services

__all__ = ["BudgetGauges"]

logger = get_logger(__name__)

SECONDS: Final = 10.0


class BudgetGauges:
    """Keeps the two gauges up to date from the store, so that all workers show the same.

    :param services: whose store it is.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._shown: set[tuple[str, str]] = set()

    async def watch(self) -> None:
        """Refresh again and again, until cancelled."""
        while True:
            try:
                await self.refresh()
            except StoreError as error:
                logger.warning("the metrics of budgets were not refreshed", exc_info=error)
            await asyncio.sleep(SECONDS)

    async def refresh(self) -> None:
        """Show each budget of the tenants that have a name in the metrics, and no other any more."""
        services = self._services
        self._show(await services.limits.list(tenant_ids=TENANT.values, now=services.now()))

    def _show(self, standings: Iterable[TenantStanding]) -> None:
        before, self._shown = self._shown, set()
        for standing in standings:
            for period, budget in (("day", standing.daily), ("month", standing.monthly)):
                if budget is None:
                    continue
                BUDGET_LIMIT_DOLLARS.at(standing.tenant_id, period).set(float(budget.limit_dollars))
                BUDGET_SPENT_DOLLARS.at(standing.tenant_id, period).set(float(budget.spent_dollars))
                self._shown.add((standing.tenant_id, period))
        for series in before - self._shown:
            BUDGET_LIMIT_DOLLARS.remove(*series)
            BUDGET_SPENT_DOLLARS.remove(*series)
