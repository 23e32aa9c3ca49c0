"""Limits over HTTP: set, shown, and by whom."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import insert
from tests.ai_engine.harness import Serve, Service

from ai_engine.background.budget_gauges import budget_gauges
from vital_shared.monitoring.metrics import REGISTRY
from vital_shared.store.account_tables import spending

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ACME, GLOBEX = {"X-Tenant-ID": "acme"}, {"X-Tenant-ID": "globex"}
LIMITS = {
    "daily_dollars": "10.000000001",
    "monthly_dollars": "200",
    "requests_per_minute": 60,
    "weight": 3,
    "models": ["canned", "other"],
}


@pytest.fixture
async def service(serve: Serve) -> Service:
    return await serve(now=lambda: NOW)


async def spend(service: Service, tenant_id: str, today: int, month: int) -> None:
    rows = (("2026-11-25", today), ("2026-11", month))
    async with service.services.database.begin() as connection:
        for period, nanos in rows:
            await connection.execute(
                insert(spending).values(tenant_id=tenant_id, period=period, cost_nanos=nanos)
            )


async def put(service: Service, tenant_id: str = "acme", **limits: object) -> dict:
    response = await service.client.put(f"/v1/budgets/{tenant_id}", json=limits or LIMITS)
    assert response.status_code == 200, response.text
    return response.json()


async def test_limits_are_set_shown_and_deleted(service: Service) -> None:
    saved = await put(service)
    shown = (await service.client.get("/v1/budgets/acme")).json()
    assert (
        saved
        == shown
        == {
            "tenant_id": "acme",
            "daily": {
                "limit_dollars": "10.000000001",
                "spent_dollars": "0",
                "left_dollars": "10.000000001",
                "resets_at": "2026-11-26T00:00:00Z",
            },
            "monthly": {
                "limit_dollars": "200",
                "spent_dollars": "0",
                "left_dollars": "200",
                "resets_at": "2026-12-01T00:00:00Z",
            },
            "reserved_dollars": "0",
            "requests_per_minute": 60,
            "weight": 3,
            "models": ["canned", "other"],
            "updated_at": "2026-11-25T12:00:00Z",
        }
    )
    assert (await service.client.delete("/v1/budgets/acme")).status_code == 204
    assert (await service.client.get("/v1/budgets/acme")).status_code == 404
    assert (await service.client.delete("/v1/budgets/acme")).status_code == 404


async def test_what_is_left_out_is_no_longer_limited(service: Service) -> None:
    await put(service)
    standing = await put(service, requests_per_minute=5)
    assert (standing["daily"], standing["monthly"], standing["requests_per_minute"]) == (None, None, 5)


async def test_what_is_spent_is_shown_to_the_last_digit(service: Service) -> None:
    await put(service)
    await spend(service, "acme", 1, 123_456_789_012)
    standing = (await service.client.get("/v1/budgets/acme")).json()
    assert standing["daily"]["left_dollars"] == "10"
    assert Decimal(standing["monthly"]["left_dollars"]) == Decimal("76.543210988")


async def test_a_tenant_sees_its_own_limits_and_sets_none(service: Service) -> None:
    for tenant in ("acme", "globex"):
        await put(service, tenant)
    listed = {
        name: [
            each["tenant_id"]
            for each in (await service.client.get("/v1/budgets", headers=headers)).json()["budgets"]
        ]
        for name, headers in (("acme", ACME), ("globex", GLOBEX), ("all", {}))
    }
    assert listed == {"acme": ["acme"], "globex": ["globex"], "all": ["acme", "globex"]}
    assert (await service.client.get("/v1/budgets/acme", headers=ACME)).status_code == 200
    assert (await service.client.get("/v1/budgets/acme", headers=GLOBEX)).status_code == 404
    for method in ("PUT", "DELETE"):
        body = {"json": LIMITS} if method == "PUT" else {}
        refused = await service.client.request(method, "/v1/budgets/acme", headers=ACME, **body)
        assert refused.status_code == 403


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({}, ""),
        ({"daily_dollars": "-1"}, "daily_dollars"),
        ({"monthly_dollars": "0.0000000001"}, "monthly_dollars"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"requests_per_minute": "60"}, "requests_per_minute"),
        ({"weekly_dollars": "1"}, "weekly_dollars"),
    ],
)
async def test_limits_that_cannot_be_are_refused_with_the_field(service: Service, limits, field) -> None:
    response = await service.client.put("/v1/budgets/acme", json=limits)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field


async def test_a_path_that_names_no_tenant_is_refused(service: Service) -> None:
    assert (await service.client.put("/v1/budgets/a%20b", json=LIMITS)).status_code == 422


def shown(name: str) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["tenant_id"], sample.labels["period"]): sample.value
        for metric in REGISTRY.collect()
        if metric.name == name
        for sample in metric.samples
    }


async def test_the_metrics_show_each_budget_by_its_period_and_no_other_tenant(service: Service) -> None:
    gauges = budget_gauges(service.services)
    await put(service, "acme", **LIMITS)
    await put(service, "globex", daily_dollars="5")
    await put(service, "quick", requests_per_minute=5)
    await spend(service, "acme", 10**9, 3 * 10**9)
    await spend(service, "globex", 2 * 10**9, 4 * 10**9)
    await service.services.labels.open((), now=NOW)
    await gauges.refresh()
    day, month, other = ("acme", "day"), ("acme", "month"), ("globex", "day")
    assert shown("vital_budget_limit_dollars") == {day: 10.000000001, month: 200, other: 5}
    assert shown("vital_budget_spent_dollars") == {day: 1, month: 3, other: 2}
    await put(service, "acme", monthly_dollars="200")
    await service.client.delete("/v1/budgets/globex")
    await gauges.refresh()
    assert shown("vital_budget_limit_dollars") == {month: 200}
    await service.client.delete("/v1/budgets/acme")
    await gauges.refresh()
    assert shown("vital_budget_limit_dollars") == shown("vital_budget_spent_dollars") == {}
