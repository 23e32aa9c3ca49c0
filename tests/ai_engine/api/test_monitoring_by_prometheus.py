"""Dashboards, alerts and silences where the engine has a Prometheus and an Alertmanager to ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from tests.ai_engine.harness import Serve, Service
from tests.prometheus import Prometheus, running_alertmanager, running_prometheus

from vital_cli.served_monitor import load_monitor
from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards
from vital_ops.rules.files import rule_files
from vital_ops.served.prometheus_figures import _literal

BOARD = boards(DEFAULT_CONFIG)[0]


@pytest.fixture
async def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    async with running_prometheus(folder, f"127.0.0.1:{service.port}", rule_files()) as running:
        await running.scraped()
        yield running


async def read(service: Service, key: str, **params: Any) -> Any:
    now = time.time()
    window = {"from": now - 120, "to": now, "step": 10} | params
    path = f"/v1/dashboards/{BOARD.uid}/panels/{BOARD.panel(key).id}/data"
    return await service.client.get(path, params=window)


async def test_panels_and_alerts_are_those_of_prometheus(
    service: Service, prometheus: Prometheus, serve: Serve
) -> None:
    for query in ("First?", "Second?"):  # a new tenant's series grows from its second request on
        await service.ask(query, mode=2)
        await prometheus.scraped()
    asking = await serve(settings={"monitor": load_monitor, "prometheus_url": prometheus.url})
    shown = (await asking.client.get(f"/v1/dashboards/{BOARD.uid}")).json()
    assert shown["source"]["kind"] == "prometheus"
    values = {each["name"]: each["values"] for each in shown["variables"]}
    assert values["instance"] == [f"127.0.0.1:{service.port}"]
    assert {"1", "2", "3", "4"} <= set(values["mode"])
    found = (await read(asking, "requests_by_mode")).json()
    assert {each["name"]: each["values"][0] > 0 for each in found["series"]}["mode 2"]
    only = (await read(asking, "requests_by_mode", mode="4")).json()
    assert [each["name"] for each in only["series"]] == ["mode 4"]
    foreign = (await read(asking, "requests_by_mode", tenant='.*"} or vector(1) #')).json()
    assert foreign["series"] == []
    async with asyncio.timeout(30):
        states = {"HighErrorRate": "unknown"}
        while states["HighErrorRate"] == "unknown":
            rules = (await asking.client.get("/v1/alerts/rules")).json()["rules"]
            states = {each["key"]: each["state"] for each in rules}
    assert set(states.values()) == {"inactive"}


async def test_a_prometheus_that_is_not_there_is_said_to_be_so(serve: Serve) -> None:
    asking = await serve(settings={"monitor": load_monitor, "prometheus_url": "http://127.0.0.1:1"})
    for path in (f"/v1/dashboards/{BOARD.uid}", "/v1/alerts/rules"):
        refused = await asking.client.get(path)
        assert refused.status_code == 502
        assert "Prometheus does not answer" in refused.json()["detail"]


@pytest.mark.parametrize("value", ["a.b", 'x"} or up{a="', "a\\", "a|b", "(", "$tenant", "é"])
def test_a_chosen_value_stands_for_itself(value: str) -> None:
    text = _literal(value)
    assert '"' not in text.replace('\\"', "")
    assert not text.replace("\\\\", "").endswith("\\")


async def test_silences_are_made_listed_and_ended(serve: Serve, tmp_path: Any) -> None:
    async with running_alertmanager(tmp_path) as address:
        service = await serve(settings={"alertmanager_url": f"http://{address}"})
        body = {"labels": {"alertname": "HighErrorRate"}, "hours": 2, "comment": "A known fault."}
        made = await service.client.post("/v1/silences", json=body)
        assert made.status_code == 201, made.text
        listed = (await service.client.get("/v1/silences")).json()["silences"]
        assert [(each["id"], each["state"]) for each in listed] == [(made.json()["id"], "active")]
        assert listed[0]["matchers"][0]["value"] == "HighErrorRate"
        ended = await service.client.delete(f"/v1/silences/{made.json()['id']}")
        assert ended.status_code == 204
        listed = (await service.client.get("/v1/silences")).json()["silences"]
        assert [each["state"] for each in listed] == ["expired"]
        noted = (await service.client.get("/v1/audit", params={"object": made.json()["id"]})).json()[
            "entries"
        ]
        assert [(each["action"], each["actor_kind"], each["details"]) for each in noted] == [
            ("silence_ended", "local", {}),
            ("alert_silenced", "local", {"alert": "HighErrorRate", "hours": 2.0, "labels": ["alertname"]}),
        ]
        missing = await service.client.delete("/v1/silences/6a2a0b1e-0000-4000-8000-000000000000")
        assert missing.status_code in (404, 502)  # older versions of Alertmanager call it an error of theirs


async def test_a_silence_that_cannot_be_noted_is_ended_again(serve: Serve, tmp_path: Any) -> None:
    async with running_alertmanager(tmp_path) as address:
        service = await serve(settings={"alertmanager_url": f"http://{address}"})
        async with service.services.database.begin() as connection:
            await connection.execute(text("ALTER TABLE audit_log RENAME TO audit_log_away"))
        body = {"labels": {"alertname": "HighErrorRate"}, "hours": 2, "comment": "A known fault."}
        made = await service.client.post("/v1/silences", json=body)
        assert made.status_code >= 500, made.text
        listed = (await service.client.get("/v1/silences")).json()["silences"]
        assert [each["state"] for each in listed] == ["expired"]
