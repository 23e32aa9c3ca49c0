"""Show in the metrics what each tenant will have spent when the month ends."""

from __future__ import annotations

import asyncio
from typing import Final

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.monitoring.labels import OTHER
from vital_shared.monitoring.metrics import MONTH_FORECAST_DOLLARS, TENANT
from vital_shared.store.forecast import month_forecasts
from vital_shared.workflows.services import Services

__all__ = ["ForecastGauge"]

logger = get_logger(__name__)

REFRESH_SECONDS: Final = 300.0


class ForecastGauge:
    """Keeps the gauge up to date from the store, so that all workers show what `vital report` prints.

    :param services: whose store it is.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._shown: set[str] = set()

    async def watch(self) -> None:
        """Refresh again and again, until cancelled."""
        while True:
            try:
                await self.refresh()
            except StoreError as error:
                logger.warning("forecast_not_refreshed", exc_info=error)
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """Show each tenant that has a name in the metrics, and the others together."""
        async with self._services.database.connect() as connection:
            found = await month_forecasts(connection, self._services.now())
        dollars = dict.fromkeys(TENANT.names, 0.0)
        for tenant, forecast in found.tenants.items():
            expected = forecast.expected_dollars
            if expected is None:  # on the first day
                expected = float(forecast.spent_dollars)
            name = tenant if tenant in dollars else OTHER
            dollars[name] = dollars.get(name, 0.0) + expected
        for name in self._shown - dollars.keys():
            MONTH_FORECAST_DOLLARS.remove(name)
        for name, value in dollars.items():
            MONTH_FORECAST_DOLLARS.at(name).set(value)
        self._shown = set(dollars)
