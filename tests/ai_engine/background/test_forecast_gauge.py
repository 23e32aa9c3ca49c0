"""The month's forecast in the metrics is that of the report."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert
from tests.ai_engine.harness import Serve

from ai_engine.background.forecast_gauge import forecast_gauge
from ai_engine.report.period import Period
from vital_ops.report.report import make_report
from vital_shared.monitoring.metrics import REGISTRY, TENANT
from vital_shared.store.account_tables import spending

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


async def test_the_gauge_and_the_report_have_one_forecast(serve: Serve) -> None:
    service = await serve(now=lambda: NOW)
    rows = [
        {"tenant_id": tenant, "period": f"2026-11-{day:02}", "cost_nanos": day * 10**9}
        for tenant in ("acme", "unnamed")
        for day in range(10, 26)
    ]
    async with service.services.database.begin() as connection:
        await connection.execute(insert(spending), rows)
    await service.services.labels.admit([(TENANT, "acme")], now=lambda: NOW)
    await forecast_gauge(service.services).refresh()
    report = await make_report(service.services.database, Period.until(NOW, "day"), now=NOW)
    expected = report.forecast.tenants["acme"].expected_dollars
    assert expected is not None
    shown = {
        sample.labels["tenant_id"]: sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "vital_month_forecast_dollars"
    }
    assert shown["acme"] == pytest.approx(expected)
    assert sum(shown.values()) == pytest.approx(report.forecast.overall.expected_dollars)
