"""Costs over HTTP."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import insert
from tests.ai_engine.harness import Serve, Service
from tests.ledger_rows import NOON, row, write

from vital_shared.store.account_tables import spending

ROWS = (
    row(cost_nanos=1),
    row(cost_type="tools", name="search", mode="2", at=NOON + timedelta(1)),
    row(tenant_id="globex", agent_id="expert", cost_nanos=5 * 10**9, name="=canned"),
)


@pytest.fixture
async def filled(service: Service) -> Service:
    await write(service.services.database, *ROWS)
    return service


async def ask(service: Service, headers: dict[str, str] | None = None, **params: Any) -> Any:
    response = await service.client.get("/v1/costs", params=params, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def test_costs_are_summed_by_what_was_asked_for_with_money_as_text(filled: Service) -> None:
    report = await ask(filled, group_by="tenant,model")
    assert [(line["group"], line["cost_dollars"]) for line in report["lines"]] == [
        ({"tenant": "acme", "model": "canned"}, "0.000000001"),
        ({"tenant": "acme", "model": None}, "1"),
        ({"tenant": "globex", "model": "=canned"}, "5"),
    ]
    assert report["total"]["cost_dollars"] == "6.000000001"
    assert report == await ask(filled, group_by=["tenant", "model", "tenant"])


@pytest.mark.parametrize(
    ("params", "cost"),
    [
        ({}, "6.000000001"),
        ({"from": "2026-11-26"}, "1"),
        ({"to": "2026-11-26"}, "5.000000001"),
        ({"from": "2026-11-25T12:00:00Z", "to": "2026-11-25T12:00:00.000001Z"}, "5.000000001"),
        ({"mode": "2"}, "1"),
        ({"agent": "expert"}, "5"),
        ({"type": "llm"}, "5.000000001"),
        ({"type": "rag"}, "0"),
    ],
)
async def test_costs_are_narrowed_down(filled: Service, params: dict[str, str], cost: str) -> None:
    assert (await ask(filled, **params))["total"]["cost_dollars"] == cost


@pytest.mark.parametrize("way", [{"headers": {"Accept": "text/csv"}}, {"params": {"format": "csv"}}])
async def test_costs_come_as_csv(filled: Service, way: dict[str, Any]) -> None:
    params = {"group_by": "model"} | way.get("params", {})
    response = await filled.client.get("/v1/costs", params=params, headers=way.get("headers"))
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    found = list(csv.DictReader(StringIO(response.text, newline=""), strict=True))
    assert [(each["model"], each["cost_dollars"]) for each in found] == [
        ("'=canned", "5"),
        ("canned", "0.000000001"),
        ("", "1"),
    ]


async def test_the_parameter_wins_over_the_header(filled: Service) -> None:
    response = await filled.client.get("/v1/costs?format=json", headers={"Accept": "text/csv"})
    assert response.json()["total"]["cost_dollars"] == "6.000000001"


@pytest.mark.parametrize(
    ("params", "field", "said"),
    [
        ({"group_by": "tenant,colour"}, "group_by.1", "must be one of 'tenant', 'user', 'mode'"),
        ({"group_by": ""}, "group_by.0", "must be one of"),
        ({"from": "soon"}, "from", "must be a day such as 2026-11-25"),
        ({"to": "2026-11-25T12:00:00"}, "to", "or a moment such as 2026-11-25T12:00:00Z"),
        ({"from": "2026-11-25", "to": "2026-11-25"}, "to", "must be after from"),
        ({"mode": "5"}, "mode", "must be one of '1', '2', '3' or '4'"),
        ({"agent": "No Agent"}, "agent", "must match"),
        ({"type": "cpu"}, "type", "must be one of 'llm', 'tools' or 'rag'"),
        ({"format": "xml"}, "format", "must be one of 'json' or 'csv'"),
        ({"tenant": "globex"}, "tenant", "is not known here"),
    ],
)
async def test_a_wrong_parameter_is_named(service: Service, params: dict, field: str, said: str) -> None:
    response = await service.client.get("/v1/costs", params=params)
    assert response.status_code == 422
    assert response.json()["detail"].startswith(f"{field} ")
    assert said in response.json()["detail"]


async def test_a_tenant_sees_its_own_costs_only(filled: Service) -> None:
    key = await filled.key("acme", "costs")
    for headers in (key, key | {"X-Tenant-ID": "globex"}):
        report = await ask(filled, headers, group_by="tenant")
        assert [line["group"]["tenant"] for line in report["lines"]] == ["acme"]
        assert report["total"]["cost_dollars"] == "1.000000001"
    everybody = await filled.key(None, "costs")
    assert (await ask(filled, everybody))["total"]["cost_dollars"] == "6.000000001"
    narrowed = await ask(filled, everybody | {"X-Tenant-ID": "globex"})
    assert narrowed["total"]["cost_dollars"] == "5"


async def test_costs_are_summed_by_user(filled: Service) -> None:
    report = await ask(filled, {"X-Tenant-ID": "acme"}, group_by="user")
    assert [(line["group"], line["cost_dollars"]) for line in report["lines"]] == [
        ({"user": "ann"}, "1.000000001")
    ]


async def spend(service: Service, tenant_id: str, days: range, nanos: int) -> None:
    async with service.services.database.begin() as connection:
        for day in days:
            values = {"tenant_id": tenant_id, "period": f"2026-11-{day:02}", "cost_nanos": nanos}
            await connection.execute(insert(spending).values(values))


async def test_the_month_is_forecast_for_all_tenants_and_for_each(serve: Serve) -> None:
    service = await serve(now=lambda: datetime(2026, 11, 21, tzinfo=UTC))
    await spend(service, "acme", range(1, 21), 10**9)
    await spend(service, "globex", range(1, 21), 3 * 10**9)
    found = (await service.client.get("/v1/costs/forecast")).json()
    assert (found["overall"]["month"], found["overall"]["spent_dollars"]) == ("2026-11", "80")
    assert found["overall"]["expected_dollars"] == pytest.approx(120)
    assert [(name, each["expected_dollars"]) for name, each in found["tenants"].items()] == [
        ("globex", pytest.approx(90)),
        ("acme", pytest.approx(30)),
    ]
    mine = (await service.client.get("/v1/costs/forecast", headers={"X-Tenant-ID": "acme"})).json()
    assert mine["overall"]["expected_dollars"] == pytest.approx(30)
    assert list(mine["tenants"]) == ["acme"]


async def test_without_a_complete_day_there_is_no_forecast(serve: Serve) -> None:
    service = await serve(now=lambda: NOON)
    found = (await service.client.get("/v1/costs/forecast")).json()
    assert (found["overall"]["expected_dollars"], found["tenants"]) == (None, {})
