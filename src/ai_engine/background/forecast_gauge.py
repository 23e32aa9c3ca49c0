"""Show in the metrics what each tenant will have spent when the month ends."""

from __future__ import annotations

from functools import partial
from typing import Final

from ai_engine.background.stored_gauges import Series, StoredGauges
from vital_shared.monitoring.labels import OTHER
from vital_shared.monitoring.metrics import MONTH_FORECAST_DOLLARS, TENANT
from vital_shared.store.forecast import month_forecasts
from vital_shared.workflows.services import Services

__all__ = ["forecast_gauge"]

REFRESH_SECONDS: Final = 300.0


def forecast_gauge(services: Services) -> StoredGauges:
    """Make the gauge, which shows what `vital report` prints; tenants without a name count together."""
    return StoredGauges("forecast", partial(_read, services), REFRESH_SECONDS)


async def _read(services: Services) -> dict[Series, float]:
    async with services.database.connect() as connection:
        found = await month_forecasts(connection, services.now())
    dollars = dict.fromkeys(TENANT.names, 0.0)
    for tenant, forecast in found.tenants.items():
        expected = forecast.expected_dollars
        if expected is None:  # on the first day
            expected = float(forecast.spent_dollars)
        name = tenant if tenant in dollars else OTHER
        dollars[name] = dollars.get(name, 0.0) + expected
    return {(MONTH_FORECAST_DOLLARS, name): value for name, value in dollars.items()}
