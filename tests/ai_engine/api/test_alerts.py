"""Alerts over HTTP, as Alertmanager sends them."""

import logging
from typing import Any

import pytest
from tests.ai_engine.harness import Service

NANOSECONDS = "2026-11-25T12:00:00.123456789Z"

ALERT = {
    "status": "firing",
    "labels": {"alertname": "HighErrorRate", "severity": "warning", "mode": "2"},
    "annotations": {"summary": "8 % of the requests fail."},
    "startsAt": NANOSECONDS,
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
    "fingerprint": "3f0c9b1d5e7a2468",
}

NOTIFICATION: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="HighErrorRate"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "engine",
    "groupLabels": {"alertname": "HighErrorRate"},
    "commonLabels": {"alertname": "HighErrorRate"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "alerts": [ALERT],
}


async def notify(service: Service, alert: dict[str, Any] | None = None, **fields: Any) -> Any:
    body = NOTIFICATION | {"alerts": [ALERT | (alert or {})]} | fields
    return await service.client.post("/v1/alerts", json=body)


async def shown(service: Service, **params: Any) -> list[dict[str, Any]]:
    response = await service.client.get("/v1/alerts", params=params)
    assert response.status_code == 200, response.text
    return response.json()["alerts"]


async def test_what_alertmanager_states_is_shown(service: Service) -> None:
    assert (await notify(service)).status_code == 204
    (alert,) = await shown(service)
    assert alert["labels"] == ALERT["labels"]
    assert (alert["status"], alert["ends_at"]) == ("firing", None)
    assert alert["starts_at"] == "2026-11-25T12:00:00.123456Z"
    await notify(service, {"status": "resolved", "endsAt": "2026-11-25T12:05:00+01:00"})
    (alert,) = await shown(service)
    assert (alert["status"], alert["ends_at"]) == ("resolved", "2026-11-25T11:05:00Z")


async def test_each_alert_is_a_line_of_the_log_that_a_warning_is(service: Service, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        await notify(service)
        await notify(service, {"status": "resolved", "labels": {}, "annotations": {}})
    first, second = (
        record for record in caplog.records if record.name == "ai_engine.api.administration.alerts"
    )
    for reported in ("alert", "firing", "HighErrorRate", "8 % of the requests fail."):
        assert reported in first.getMessage()
    assert "resolved" in second.getMessage()


async def test_the_newest_come_first_and_may_be_counted(service: Service) -> None:
    for number in range(3):
        await notify(service, {"fingerprint": str(number)})
    assert [alert["fingerprint"] for alert in await shown(service, limit=2)] == ["2", "1"]
    for limit in (0, 1_001, "many"):
        assert (await service.client.get("/v1/alerts", params={"limit": limit})).status_code == 422


@pytest.mark.parametrize(
    ("fields", "alert", "field"),
    [
        ({"version": "3"}, {}, "version"),
        ({"alerts": [ALERT] * 1_001}, {}, "alerts"),
        ({"receiver": None}, {}, "receiver"),
        ({}, {"status": "pending"}, "alerts.0.status"),
        ({}, {"startsAt": "yesterday"}, "alerts.0.startsAt"),
        ({}, {"startsAt": "2026-11-25T12:00:00"}, "alerts.0.startsAt"),
        ({}, {"endsAt": "0001-01-01T00:00:00+01:00"}, "alerts.0.endsAt"),
        ({}, {"fingerprint": "x" * 65}, "alerts.0.fingerprint"),
        ({}, {"labels": {"a": 1}}, "alerts.0.labels.a"),
        ({}, {"labels": {f"l{n}": "" for n in range(65)}}, "alerts.0.labels"),
        ({}, {"annotations": {"summary": "x" * 8_193}}, "alerts.0.annotations.summary"),
    ],
)
async def test_what_is_wrong_is_named(service: Service, fields: Any, alert: Any, field: str) -> None:
    response = await notify(service, alert, **fields)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"] == field
    assert await shown(service) == []


async def test_a_page_of_another_origin_states_nothing(service: Service) -> None:
    headers = {"Origin": "http://evil.example"}
    response = await service.client.post("/v1/alerts", json=NOTIFICATION, headers=headers)
    assert response.status_code == 403
    assert await shown(service) == []
