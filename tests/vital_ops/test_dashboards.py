"""The dashboards: what the spec numbers, in Grafana's own model, and nothing without a word on it."""

import json
from itertools import combinations
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards
from vital_ops.dashboards.files import dashboard_files
from vital_ops.rules.groups import EVERY_ALERT
from vital_ops.rules.slos import OBJECTIVES

ROOT = Path(__file__).parents[2]
BOARDS = {board.uid: board for board in boards(DEFAULT_CONFIG)}

register_default_plugins()


def text(uid: str) -> str:
    return (ROOT / "grafana-dashboards" / f"{uid}.json").read_text()


def panels(uid: str) -> list[dict]:
    return [panel for panel in json.loads(text(uid))["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize(
    ("uid", "refresh", "since", "titles"),
    [
        (
            "vital-performance",
            "30s",
            "now-1h",
            (
                "Request rate|Average response time|P95 latency|P99 latency|Error rate|Cache hit rate|Requests by mode"
                "|Quality scores|Degraded responses|Active workflows|Success rate|Top tenants|Time to first token"
                "|Gap between pieces|Seconds saved in parallel|Parallel beside sequential|Nodes"
                "|Streams and sequential requests"
            ),
        ),
        (
            "vital-cache",
            "30s",
            "now-6h",
            (
                "Hit rate|Operations|Size|Memory|Age of entries when they are hit|Hits to misses|Evictions"
                "|Average lifetime of entries|By mode|Invalidations"
            ),
        ),
        (
            "vital-cost",
            "1m",
            "now-24h",
            (
                "Estimated daily cost|Cost by type|Calls of models|Cost saved by the cache|Tokens|Tool executions"
                "|Searches|Cost by mode|Most expensive tenants|Cost trend|Cost savings"
            ),
        ),
        (
            "vital-health",
            "10s",
            "now-30m",
            (
                "Build|Connection pools|Active connections|Errors by type|Quality|Warnings|Tool success rate"
                "|RAG success rate|Agent usage|Uptime|Writes set aside"
            ),
        ),
    ],
)
def test_a_dashboard_has_the_panels_of_the_spec_in_its_order(uid, refresh, since, titles):
    read = json.loads(text(uid))
    assert (read["refresh"], read["time"]) == (refresh, {"from": since, "to": "now"})
    assert [panel["title"] for panel in panels(uid)] == titles.split("|")
    assert [panel["id"] for panel in panels(uid)] == list(range(1, len(panels(uid)) + 1))


@pytest.mark.parametrize("uid", BOARDS)
def test_grafanas_own_model_reads_it_without_loss(uid):
    read = Dashboard.from_json(json.loads(text(uid)))
    assert json.loads(json.dumps(read, cls=JSONEncoder)) == json.loads(text(uid))
    assert read.schema_version == Dashboard().schema_version
    assert all(isinstance(panel, Panel) for panel in read.panels if panel.type_val != "row")


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_have_numbers_of_their_own_and_do_not_overlap(uid):
    all_of_it = json.loads(text(uid))["panels"]
    assert len({panel["id"] for panel in all_of_it}) == len(all_of_it)

    def cells(panel: dict) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}

    for one, other in combinations(all_of_it, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in all_of_it)


@pytest.mark.parametrize("uid", BOARDS)
def test_each_panel_says_what_it_shows(uid):
    for panel in panels(uid):
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert target["legendFormat"], panel["title"]
            assert target["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("uid", BOARDS)
def test_it_links_to_the_others_marks_alerts_and_says_whom_it_is_for(uid):
    read = json.loads(text(uid))
    assert {link["url"] for link in read["links"]} == {f"/d/{other}" for other in BOARDS if other != uid}
    assert any("ALERTS" in (each.get("expr") or "") for each in read["annotations"]["list"])
    assert read["description"].startswith("For ")
    variables = [each["name"] for each in read["templating"]["list"]]
    assert variables[:2] == ["datasource", "mode"]
    used = "$tenant" in json.dumps(read["panels"])
    assert ("tenant" in variables) == used


def test_an_alert_and_its_panel_lead_to_each_other():
    for alert in EVERY_ALERT:
        panel = panels(alert.dashboard)[BOARDS[alert.dashboard].number(alert.panel) - 1]
        assert alert.name in panel["description"].partition(" Watched by ")[2]
    for objective in OBJECTIVES:
        assert panels(objective.dashboard)[BOARDS[objective.dashboard].number(objective.panel) - 1]


def test_grafana_finds_the_dashboards_and_prometheus():
    assert {name for name in dashboard_files() if name.endswith(".yml")} == {
        "provider.yml",
        "datasources/prometheus.yml",
    }
