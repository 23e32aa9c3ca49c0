"""Dashboards over HTTP, from the engine's own samples: without Grafana, and without Prometheus."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.ai_engine.harness import Serve, Service

from ai_engine.monitoring.samples import OwnSamples
from vital_cli.served_monitor import load_monitor
from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards

BOARDS = boards(DEFAULT_CONFIG)


@pytest.fixture
async def watched(serve: Serve) -> Service:
    return await serve(settings={"monitor": load_monitor})


async def sampled(service: Service) -> None:
    assert isinstance(service.engine.samples, OwnSamples)
    await service.engine.samples.sample()


async def data(service: Service, uid: str, key: str, **params: Any) -> dict[str, Any]:
    now = time.time()
    panel = next(board for board in BOARDS if board.uid == uid).panel(key).id
    window = {"from": now - 600, "to": now, "step": 30} | params
    answer = await service.client.get(f"/v1/dashboards/{uid}/panels/{panel}/data", params=window)
    assert answer.status_code == 200, answer.text
    return answer.json()


def latest(found: dict[str, Any]) -> dict[str, float | None]:
    return {each["name"]: each["values"][-1] for each in found["series"]}


async def test_the_dashboards_are_those_that_grafana_gets(watched: Service) -> None:
    listed = (await watched.client.get("/v1/dashboards")).json()["dashboards"]
    assert [each["uid"] for each in listed] == [board.uid for board in BOARDS]
    for board in BOARDS:
        shown = (await watched.client.get(f"/v1/dashboards/{board.uid}")).json()
        assert [panel["key"] for panel in shown["panels"]] == [panel.key for panel in board.all_panels]
        assert shown["source"]["kind"] == "own"
        places = {(panel["x"], panel["y"]) for panel in shown["panels"]}
        assert len(places) == len(shown["panels"])
        assert "promql" not in str(shown)
        assert "vital_" not in str(shown)


async def test_a_panel_shows_what_was_counted_between_two_samples(watched: Service) -> None:
    await watched.ask("Before the first sample?", mode=2)
    await sampled(watched)
    await watched.ask("Between the samples?", mode=2)
    await watched.ask("Between the samples, again?", mode=4)
    await sampled(watched)
    shown = latest(await data(watched, "vital-performance", "requests_by_mode"))
    assert shown["mode 2"] > 0
    assert shown["mode 4"] > 0
    assert shown["mode 1"] == 0
    only = latest(await data(watched, "vital-performance", "requests_by_mode", mode="4"))
    assert list(only) == ["mode 4"]
    assert latest(await data(watched, "vital-performance", "active_workflows")) == {"active": 0}


async def test_choices_have_the_values_that_requests_had(watched: Service) -> None:
    await watched.ask(mode=2)
    await sampled(watched)
    shown = (await watched.client.get("/v1/dashboards/vital-performance")).json()
    variables = {each["name"]: each["values"] for each in shown["variables"]}
    assert {"1", "2", "3", "4"} <= set(variables["mode"])
    assert "acme" in variables["tenant"]


async def test_every_panel_of_every_dashboard_can_be_read(watched: Service) -> None:
    await sampled(watched)
    await sampled(watched)
    for board in BOARDS:
        for panel in board.all_panels:
            found = await data(watched, board.uid, panel.key)
            assert len(found["times"]) == (21 if panel.kind in ("lines", "heatmap") else 1)
            assert all(len(each["values"]) == len(found["times"]) for each in found["series"])


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": 100, "to": 50}, "to"),
        ({"from": 0}, "to"),
        ({"step": 0}, "step"),
        ({"step": "nan"}, "step"),
        ({"from": "nan"}, "from"),
        ({"to": "inf"}, "to"),
        ({"step": 1, "from": 1_000, "to": 90_000}, "step"),
    ],
)
async def test_a_window_that_cannot_be_is_refused(
    watched: Service, params: dict[str, Any], field: str
) -> None:
    panel = BOARDS[0].panel("request_rate").id
    window = {"from": time.time() - 600, "to": time.time(), "step": 30} | params
    path = f"/v1/dashboards/vital-performance/panels/{panel}/data"
    refused = await watched.client.get(path, params=window)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_what_is_not_there_is_not_found(watched: Service) -> None:
    window = {"from": 1, "to": 2, "step": 1}
    for path in ("/v1/dashboards/none", "/v1/dashboards/vital-cost/panels/1/data", "/v1/alerts/rules/None"):
        assert (await watched.client.get(path, params=window)).status_code == 404


async def test_an_engine_without_definitions_says_so(service: Service) -> None:
    for path in ("/v1/dashboards", "/v1/alerts/rules"):
        refused = await service.client.get(path)
        assert refused.status_code == 404
        assert "vital serve" in refused.json()["detail"]


async def test_alerts_are_judged_over_own_samples_where_these_suffice(watched: Service) -> None:
    await sampled(watched)
    shown = (await watched.client.get("/v1/alerts/rules")).json()["rules"]
    by_key = {each["key"]: each for each in shown}
    assert len(by_key) == len(shown) >= 24
    assert by_key["EngineDown"]["state"] == "unknown"
    assert "VITAL_PROMETHEUS_URL" in by_key["EngineDown"]["reason"]
    assert by_key["HighErrorRate"]["state"] == "inactive"
    detail = (await watched.client.get("/v1/alerts/rules/HighErrorRate")).json()
    assert "## What users notice" in detail["runbook"]
    assert f"(/dashboards/vital-performance?panel={BOARDS[0].panel('error_rate').id})" in detail["runbook"]
    assert detail["rule"]["threshold"] == 0.05


async def test_without_an_alertmanager_there_are_no_silences(watched: Service) -> None:
    assert (await watched.client.get("/v1/silences")).json() == {"silences": [], "has_alertmanager": False}
    body = {"labels": {"alertname": "HighErrorRate"}, "hours": 1, "comment": "known"}
    refused = await watched.client.post("/v1/silences", json=body)
    assert refused.status_code == 404
    assert "VITAL_ALERTMANAGER_URL" in refused.json()["detail"]
