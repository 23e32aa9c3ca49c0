"""The report over HTTP: the same as `vital report`, within what the key may see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.ai_engine.harness import Serve, Service
from tests.ledger_rows import row, write

from ai_engine.report.period import Period
from ai_engine.report.result import Report
from vital_cli.served_report import served_report
from vital_ops.report.report import make_report

NOW = datetime(2026, 11, 25, 18, tzinfo=UTC)


@pytest.fixture
async def reporting(serve: Serve) -> Service:
    service = await serve(settings={"reporter": served_report}, now=lambda: NOW)
    charged = (
        row(cost_nanos=10**9),
        row(tenant_id="globex", cost_nanos=3 * 10**9, at=NOW - timedelta(days=3)),
    )
    await write(service.services.database, *charged)
    return service


async def report(service: Service, headers: dict[str, str] | None = None, **params: Any) -> Any:
    answer = await service.client.get("/v1/report", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_report_is_that_of_the_command(reporting: Service) -> None:
    shown = await report(reporting, period="week")
    database = reporting.services.database
    made = await make_report(database, Period.until(NOW, "week"), now=NOW)
    assert Report.model_validate_json(made.model_dump_json()) == Report.model_validate_json(
        (await reporting.client.get("/v1/report?period=week")).content
    )
    assert len(shown["answers"]) == 9
    assert [each["tenant_id"] for each in shown["tenants"]] == ["globex", "acme"]


async def test_a_tenant_gets_a_report_of_its_own_part(reporting: Service) -> None:
    own = await report(reporting, await reporting.key("acme", "costs"), period="week")
    assert own["tenant_id"] == "acme"
    assert [each["tenant_id"] for each in own["tenants"]] == ["acme"]


async def test_a_report_ends_with_a_day_or_now(reporting: Service) -> None:
    assert (await report(reporting))["period"]["end"] == "2026-11-25T18:00:00Z"
    assert (await report(reporting, until="2026-11-22"))["period"]["end"] == "2026-11-23T00:00:00Z"
    assert (await report(reporting, until="2026-11-25"))["period"]["end"] == "2026-11-25T18:00:00Z"


@pytest.mark.parametrize(
    "params", [{"period": "year"}, {"until": "2026-11-26"}, {"until": "0001-01-01"}, {"until": "x"}]
)
async def test_a_report_that_cannot_be_is_refused(reporting: Service, params: dict[str, str]) -> None:
    refused = await reporting.client.get("/v1/report", params=params)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, next(iter(params)))


async def test_an_engine_that_makes_no_reports_says_so(service: Service) -> None:
    refused = await service.client.get("/v1/report")
    assert refused.status_code == 404
    assert "vital serve" in refused.json()["detail"]
