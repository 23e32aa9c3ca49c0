"""The dashboards: what the spec numbers, in Grafana's own model, and nothing without a word on it."""

import json
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel
from tests.vital_ops.panels_at_rest import AT_REST

from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.dashboards.boards import boards
from vital_ops.dashboards.datasources import trace_url
from vital_ops.dashboards.files import dashboard_files
from vital_ops.dashboards.reliability import reliability
from vital_ops.rules.groups import EVERY_ALERT
from vital_ops.rules.slos import OBJECTIVES
from vital_ops.uids import CACHE
from vital_shared.monitoring.metrics import CATALOGUE, WORKFLOW

ROOT = Path(__file__).parents[2]
BOARDS = {board.uid: board for board in boards(DEFAULT_CONFIG)}

register_default_plugins()


def text(uid: str) -> str:
    return (ROOT / "grafana-dashboards" / f"{uid}.json").read_text()


def panels(uid: str) -> list[dict]:
    return [panel for panel in json.loads(text(uid))["panels"] if panel["type"] != "row"]


SEED = """
vital-performance 30s now-1h
1. Overall request rate
2. Average response time
3. P95 latency
4. P99 latency
5. Error rate + alert
6. Cache hit rate gauge
7. Requests by mode (pie chart)
8. Quality score heatmap
9. Degraded responses
10. Active workflows (stat)
11. Success rate gauge
12. Top tenants (table)
vital-cache 30s now-6h
1. Cache hit rate over time
2. Cache operations breakdown
3. Cache size
4. Cache memory usage
5. Cache entry age histogram
6. Hit/miss ratio
7. Evictions rate
8. Average entry lifetime
9. Per-mode cache stats (table)
10. Invalidation events
vital-cost 1m now-24h
1. Estimated daily cost + alert
2. Cost breakdown (pie chart)
3. LLM API calls (cached vs non-cached)
4. Cost saved via cache
5. Token usage (input/output)
6. Tool executions
7. RAG retrievals
8. Cost per mode (table)
9. Most expensive tenants (table)
10. Cost trend
11. Cost savings percentage
vital-health 10s now-30m
1. Build information
2. Connection pool status
3. Active connections
4. Error types distribution
5. Quality score trend
6. Warnings rate
7. Tool success rate
8. RAG success rate
9. Agent usage
10. System uptime
"""
"""The seed's list of panels, as it stands there; notes on the widget and the alert are no part of a name."""

NOTE = re.compile(r" (\+ alert|\((pie chart|stat|table)\))$")


def seed_boards() -> dict[str, tuple[str, str, list[str]]]:
    found: dict[str, tuple[str, str, list[str]]] = {}
    for line in SEED.strip().splitlines():
        if line.startswith("vital-"):
            uid, refresh, since = line.split()
            found[uid] = (refresh, since, [])
        else:
            found[uid][2].append(NOTE.sub("", line.partition(". ")[2]))
    return found


@pytest.mark.parametrize("uid", seed_boards())
def test_the_panels_of_the_seed_bear_its_names_and_stand_first_in_its_order(uid):
    refresh, since, titles = seed_boards()[uid]
    read = json.loads(text(uid))
    assert (read["refresh"], read["time"]) == (refresh, {"from": since, "to": "now"})
    assert [panel.title for panel in BOARDS[uid].panels] == titles
    assert [panel["title"] for panel in panels(uid)][: len(titles)] == titles


def test_the_seed_has_43_panels():
    assert sum(len(titles) for _, _, titles in seed_boards().values()) == 43


BEYOND_THE_SEED = {
    "vital-cost": {
        "budgets": ("vital_budget_limit_dollars", "vital_budget_spent_dollars"),
        "budget_used": ("vital:budget_used:ratio",),
        "month_forecast": ("forecast",),
        "llm_calls_saved": ('cached="true"',),
    },
    "vital-reliability": {
        "rejections": ("vital_requests_rejected_total", "reason"),
        "model_durations": ("vital_llm_call_duration_seconds_bucket",),
        "tool_durations": ("vital_tool_duration_seconds_bucket",),
        "source_durations": ("vital_rag_duration_seconds_bucket",),
        "provider_failures": ("vital_llm_failures_total", "kind"),
        "retries": ("vital_llm_retries_total", "kind"),
        "fallbacks": ("vital_llm_fallbacks_total", "kind"),
        "breakers": ("vital_llm_breaker_open", "vital_rag_breaker_open"),
        "event_loop_lag": ("vital_event_loop_lag_seconds_bucket",),
        "memory": ("process_resident_memory_bytes",),
        "cpu": ("process_cpu_seconds_total",),
        "label_overflow": ("vital_metric_label_overflow_total",),
        "degradation_share": ("vital:workflow_degradations:ratio", "avg_over_time"),
        "worker_restarts": ("vital_worker_restarts_total",),
        "http_requests": ("vital_http_requests_total", "route"),
        "http_statuses": ("vital_http_requests_total", "status_class"),
        "burn_availability": ('slo="availability"',),
        "burn_first_token": ('slo="first_token"',),
        "burn_quality": ('slo="quality"',),
    },
}
"""What the seed's panels do not answer: by board and panel, what its queries ask for."""


@pytest.mark.parametrize(
    ("uid", "key", "asked"),
    [(uid, key, asked) for uid, found in BEYOND_THE_SEED.items() for key, asked in found.items()],
)
def test_a_board_answers_what_the_seed_does_not(uid, key, asked):
    panel = BOARDS[uid].panel(key)
    queries = "\n".join(query.expr for query in panel.queries)
    assert [each for each in asked if each not in queries] == []
    assert panel.title in [drawn["title"] for drawn in panels(uid)]


@pytest.mark.parametrize("uid", BOARDS)
def test_a_panel_keeps_its_number_wherever_it_stands(uid):
    board = BOARDS[uid]
    ids = {panel.key: panel.id for panel in board.all_panels}
    assert len(set(ids.values())) == len(board.all_panels)
    assert [panel["id"] for panel in panels(uid)] == list(ids.values())
    new = replace(board.all_panels[0], key="a_new_panel")
    changed = replace(board, panels=[new, *board.panels])
    assert {panel.key: panel.id for panel in changed.all_panels}.items() >= ids.items()


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


@pytest.mark.parametrize("uid", BOARDS)
def test_each_variable_that_a_query_uses_can_be_chosen_and_no_other(uid):
    read = json.loads(text(uid))
    variables = {each["name"]: each for each in read["templating"]["list"]}
    queries = [target["expr"] for panel in panels(uid) for target in panel["targets"]]
    used = {name for name in variables if any(f"${name}" in query for query in queries)}
    assert set(variables) == used | {"datasource"}
    assert {"environment", "instance", "mode"} <= used
    for name in used:
        assert (variables[name]["includeAll"], variables[name]["allValue"]) == (True, ".*")
    assert 'environment=~"$environment"' in variables["instance"]["query"]


@pytest.mark.parametrize("uid", ["vital-performance", "vital-cost", "vital-health"])
def test_a_workflow_can_be_chosen_wherever_runs_are_counted_by_it(uid):
    labelled = [each.name for each in CATALOGUE if WORKFLOW in each.label_set]
    queries = [target["expr"] for panel in panels(uid) for target in panel["targets"]]
    counted = re.findall(rf"(?:{'|'.join(labelled)})\w*{{[^}}]*mode=[^}}]*}}", " ".join(queries))
    chosen = [each for each in counted if 'workflow=~"$workflow"' in each]
    assert chosen
    others = {each.partition("{")[0] for each in counted if each not in chosen}
    # The cache's ratios and savings are of metrics without the label too.
    assert others <= {"vital_workflow_duration_seconds_count", "vital_cost_dollars_total"}


def test_the_hit_rate_of_each_chosen_workflow_is_drawn():
    panel = BOARDS[CACHE].panel("hit_rate")
    [query] = [each for each in panel.queries if each.legend == "workflow {{workflow}}"]
    assert query.expr.count("sum by (workflow)") == 2
    assert query.expr.count('workflow=~"$workflow"') == 2


@pytest.mark.parametrize("uid", BOARDS)
def test_every_query_of_an_engines_metrics_is_of_the_chosen_engines(uid):
    chosen = '{job="vital",environment=~"$environment",instance=~"$instance"'
    for panel in panels(uid):
        for target in panel["targets"]:
            names = re.findall(r"\b((?:vital_|process_|python_gc_|up\b)\w*)(\{[^}]*\})?", target["expr"])
            for name, matchers in names:
                assert matchers.startswith(chosen), (panel["title"], name)
            if "vital:" in target["expr"]:
                assert "over all engines" in panel["description"]


@pytest.mark.parametrize("uid", BOARDS)
def test_every_column_of_a_table_has_a_name(uid):
    for panel in (panel for panel in panels(uid) if panel["type"] == "table"):
        merge, organize = panel["transformations"]
        assert (merge["id"], organize["id"]) == ("merge", "organize")
        names = organize["options"]["renameByName"]
        assert organize["options"]["excludeByName"] == {"Time": True}
        assert list(organize["options"]["indexByName"]) == list(names)
        for target in panel["targets"]:
            assert (target["format"], target["instant"]) == ("table", True)
            assert names[f"Value #{target['refId']}"] == target["legendFormat"]
            grouped = re.search(r"by \(([^)]*)\)", target["expr"])
            assert grouped is not None
            for label in grouped[1].split(", "):
                assert names[label].istitle()
        if len(panel["targets"]) == 1:
            assert names["Value"] == panel["targets"][0]["legendFormat"]
        columns = set(names.values())
        assert {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]} <= columns


@pytest.mark.parametrize("uid", BOARDS)
def test_a_panel_without_data_says_so_and_draws_no_share_of_nothing(uid):
    for panel in panels(uid):
        assert panel["fieldConfig"]["defaults"]["noValue"]
        for target in panel["targets"]:
            for whole in re.findall(r" / (\(?)", re.sub(r"vital:slo_bad.*", "", target["expr"])):
                assert whole == "(", (panel["title"], target["expr"])
    gauges = [panel for panel in panels(uid) if panel["type"] == "gauge"]
    assert all(
        (panel["fieldConfig"]["defaults"]["min"], panel["fieldConfig"]["defaults"]["max"]) == (0, 1)
        for panel in gauges
    )


def test_another_threshold_moves_the_line_of_its_panel():
    changed = load_thresholds(HighErrorRate=0.02, HighLatency=7, HighDailyCost=40, TenantAvailability=0.3)
    shown = dashboard_files(changed)
    for alert, value in (
        ("HighErrorRate", 0.02),
        ("HighLatency", 7),
        ("HighDailyCost", 40),
        ("TenantAvailability", 0.3),
    ):
        watched = next(each for each in EVERY_ALERT if each.name == alert)
        key = BOARDS[watched.dashboard].panel(watched.panel).id
        drawn = json.loads(shown[f"{watched.dashboard}.json"])["panels"]
        (panel,) = (each for each in drawn if each["id"] == key)
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] == value


@pytest.mark.parametrize("alert", EVERY_ALERT, ids=lambda each: each.key)
def test_the_line_of_a_panel_is_that_of_each_alert_that_watches_it(alert):
    """A panel without a line draws the limit as a query, or what it shows is relative."""
    value = alert.only_value or 0.91 * alert.threshold.value
    changed = boards(load_thresholds(**{alert.key: value}))
    (board,) = (each for each in changed if each.uid == alert.dashboard)
    limit = board.panel(alert.panel).limit
    if limit is None:
        assert alert.key in WITHOUT_LINE
    else:
        assert {value, 1 - value} & {limit.value, *limit.warnings}


def test_the_shares_of_a_budget_are_lines_of_its_panel():
    drawn = json.loads(dashboard_files(load_thresholds(TenantBudgetHalf=0.6))["vital-cost.json"])["panels"]
    key = BOARDS["vital-cost"].panel("budget_used").id
    (panel,) = (each for each in drawn if each["id"] == key)
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps] == [None, 0.6, 0.8, 1]
    assert [step["color"] for step in steps] == ["green", "yellow", "yellow", "red"]


WITHOUT_LINE = {
    "CacheNearCapacity",
    "EngineDown",
    "ReplicaDown",
    "SuddenCostSpike",
    "TrafficDropped",
}


def load_thresholds(**values: float) -> OpsConfig:
    thresholds = DEFAULT_CONFIG.thresholds
    changed = {name: thresholds[name].model_copy(update={"value": value}) for name, value in values.items()}
    return DEFAULT_CONFIG.model_copy(update={"thresholds": {**thresholds, **changed}})


@pytest.mark.parametrize("alert", [each for each in EVERY_ALERT if each.shown], ids=lambda each: each.name)
def test_the_panel_of_an_alert_draws_the_recorded_figure_that_the_alert_judges(alert):
    panel = BOARDS[alert.dashboard].panel(alert.panel)
    recorded = re.match(r"[a-z:_]+", alert.shown)[0]
    if alert.name == "CacheNearCapacity":  # entries beside their limit
        assert any(f"* {DEFAULT_CONFIG.thresholds[alert.name].value:g}" in q.expr for q in panel.queries)
    elif alert.name == "DeadLetters":  # what is set aside and what is clamped, apart
        assert "vital_store_dead_letters" in panel.queries[0].expr
    else:
        assert any(recorded in query.expr for query in panel.queries)


def test_deploys_drills_and_alerts_are_marked_on_every_board():
    for uid in BOARDS:
        marks = {each["name"]: each for each in json.loads(text(uid))["annotations"]["list"]}
        assert list(marks) == ["Alerts", "Deploys", "Drills", "Marks"]
        assert "vital_build_info" in marks["Deploys"]["expr"]
        assert " unless on (version, commit) " in marks["Deploys"]["expr"]
        assert marks["Drills"]["target"]["tags"] == ["vital", "drill"]


def test_an_alert_and_its_panel_lead_to_each_other():
    for alert in EVERY_ALERT:
        key = BOARDS[alert.dashboard].panel(alert.panel).id
        (panel,) = (panel for panel in panels(alert.dashboard) if panel["id"] == key)
        assert alert.name in panel["description"].partition(" Watched by ")[2]
    for objective in OBJECTIVES:
        assert BOARDS[objective.dashboard].panel(objective.panel)


def test_grafana_finds_the_dashboards_and_its_data_sources():
    assert {name for name in dashboard_files() if name.endswith(".yml")} == {
        "provider.yml",
        "datasources/prometheus.yml",
    }


def sources(config: OpsConfig) -> dict[str, dict]:
    read = yaml.safe_load(dashboard_files(config)["datasources/prometheus.yml"])
    return {each["uid"]: each for each in read["datasources"]}


def test_alertmanager_is_a_data_source_and_traces_are_where_they_are_configured():
    assert set(sources(DEFAULT_CONFIG)) == {"prometheus", "alertmanager"}
    assert "exemplarTraceIdDestinations" not in sources(DEFAULT_CONFIG)["prometheus"]["jsonData"]
    traced = sources(OpsConfig(traces_url="http://jaeger:16686", traces_type="jaeger"))
    assert (traced["traces"]["type"], traced["traces"]["url"]) == ("jaeger", "http://jaeger:16686")
    (link,) = traced["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert link == {"name": "trace_id", "datasourceUid": "traces"}
    latency = next(panel for panel in panels("vital-performance") if panel["title"] == "P95 latency")
    assert [target.get("exemplar", False) for target in latency["targets"]] == [False, False, True, True]


def test_a_trace_is_found_in_grafana_by_its_source():
    assert trace_url(DEFAULT_CONFIG, "ab12") is None
    config = OpsConfig(traces_url="http://tempo:3200", grafana_url="https://g.example/")
    address = urlsplit(trace_url(config, "ab12") or "")
    assert (address.netloc, address.path) == ("g.example", "/explore")
    panes = json.loads(parse_qs(address.query)["panes"][0])
    (query,) = panes["vital"]["queries"]
    assert (query["query"], query["datasource"]["uid"], query["queryType"]) == ("ab12", "traces", "traceql")
    jaeger = OpsConfig(traces_url="http://jaeger:16686", traces_type="jaeger")
    assert "traceql" not in (trace_url(jaeger, "ab12") or "traceql")


def test_the_panel_of_failed_notifications_draws_what_its_alert_compares():
    (alert,) = (each for each in EVERY_ALERT if each.name == "NotificationsFailing")
    config = load_thresholds(NotificationsFailing=3)
    at = config.thresholds[alert.name].model_copy(update={"window": 1_200.0})
    thresholds = {**config.thresholds, alert.name: at}
    panel = reliability(thresholds).panel(alert.panel)
    assert alert.condition(at) == f"{panel.queries[0].expr} >= 3"
    assert "[20m]" in panel.queries[1].expr


def test_the_page_on_the_dashboards_has_a_result_for_each_panel():
    page = (ROOT / "docs/dashboards.md").read_text()
    rows = re.findall(r"^\| (?!panel|---)([^|]+) \| ([^|]+) \| ([^|]+) \|$", page, flags=re.MULTILINE)
    every = [panel for board in BOARDS.values() for panel in board.all_panels]
    assert [title for title, _, _ in rows] == [panel.title for panel in every]
    for (title, _, result), panel in zip(rows, every, strict=True):
        assert len(re.findall(r"\([1-9]\d*\)", result)) == len(panel.queries), title


def test_a_panel_of_the_page_that_shows_only_zeros_has_a_reason():
    page = (ROOT / "docs/dashboards.md").read_text()
    results = re.findall(r"^\| (?!panel|---)[^|]+ \| [^|]+ \| ([^|]+) \|$", page, flags=re.MULTILINE)
    every = [(board.uid, panel.key) for board in BOARDS.values() for panel in board.all_panels]
    still = {
        place: result
        for place, result in zip(every, results, strict=True)
        if all(re.match(r"(?:\S+ )?0[ ,]", part.strip()) for part in result.split("; "))
    }
    reasons = {place: result.rpartition("): ")[2] for place, result in still.items()}
    assert reasons == {place: AT_REST.get(place) for place in still}
