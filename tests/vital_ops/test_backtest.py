"""The alerts, over a day whose incidents are known."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from tests.prometheus import Prometheus, running_prometheus
from typer.testing import CliRunner

from vital_cli.main import app
from vital_ops.backtest.backtest import Tested as Outcome
from vital_ops.backtest.backtest import backtest, write_thresholds
from vital_ops.backtest.firings import firings
from vital_ops.backtest.history import History, HistoryUnavailable
from vital_ops.backtest.inlining import inlined
from vital_ops.config import DEFAULT_CONFIG, OpsConfig, load_config
from vital_ops.dashboards.cost import cost
from vital_ops.dashboards.panel import INTERVAL, MODE, RANGE, TENANT, WORKFLOW
from vital_ops.promql import scoped
from vital_ops.rules.groups import EVERY_ALERT, recordings
from vital_ops.rules.slos import OBJECTIVES, SPEEDS, burns, slo_recordings
from vital_ops.stack.programs import PROMTOOL, find_program
from vital_shared.monitoring.metrics import WORKFLOW_DURATION_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

THRESHOLDS = DEFAULT_CONFIG.thresholds
MINUTES = 24 * 60
BAD_ERRORS = range(200, 240)
SLOW = range(600, 640)
BAD_TOOLS = range(1000, 1060)

REQUESTS = 'vital_workflow_requests_total{{mode="2",tenant_id="acme",outcome="{}"}}'
OVERALL = 'vital_workflow_requests_overall_total{{mode="2",outcome="{}"}}'
DURATION = 'vital_workflow_duration_seconds_{}{{mode="2",cache_status="bypass",execution="parallel"{}}}'
TOOLS = 'vital_tool_executions_total{{tool="search",status="{}"}}'
STEADY = {
    'vital_cost_dollars_total{mode="2",tenant_id="acme",cost_type="llm"}': 0.02,
    'vital_cost_dollars_total{mode="4",tenant_id="globex",cost_type="tools"}': 0.01,
    'vital_cost_overall_dollars_total{mode="2",cost_type="llm"}': 0.02,
    'vital_cost_overall_dollars_total{mode="4",cost_type="tools"}': 0.01,
    'vital_cost_saved_dollars_total{mode="2",tenant_id="acme"}': 0.03,
    'vital_llm_calls_total{mode="2",model="gpt",cached="false",status="success"}': 20,
    'vital_llm_calls_total{mode="2",model="gpt",cached="true",status="success"}': 30,
    'vital_llm_tokens_total{mode="2",model="gpt",token_type="input"}': 2_000,
    'vital_llm_tokens_total{mode="2",model="gpt",token_type="output"}': 500,
    'vital_rag_retrievals_total{mode="2",source="memory",status="success"}': 60,
}
"""What went on evenly, a minute."""


def minute(at: int) -> dict[str, float]:
    """What happened in a minute."""
    failed = 8 if at in BAD_ERRORS else 0.5
    slow = 8 if at in SLOW else 0.5
    broken = 12 if at in BAD_TOOLS else 0.5
    counts = {
        REQUESTS.format("success"): 60 - failed,
        REQUESTS.format("failed"): failed,
        OVERALL.format("success"): 60 - failed,
        OVERALL.format("failed"): failed,
        TOOLS.format("success"): 40 - broken,
        TOOLS.format("failed"): broken,
        DURATION.format("count", ""): 60,
        DURATION.format("sum", ""): 60,
        **STEADY,
    }
    for edge in (*map(float, WORKFLOW_DURATION_SECONDS.buckets), "+Inf"):
        is_long = edge == "+Inf" or edge >= 15
        counts[DURATION.format("bucket", f',le="{edge}"')] = 60 if is_long else 60 - slow if edge >= 1 else 0
    return counts


def openmetrics(start: int) -> str:
    sums = dict.fromkeys(minute(0), 0.0)
    lines: dict[str, list[str]] = {name: [] for name in sums}
    for at in range(MINUTES):
        for name, count in minute(at).items():
            sums[name] += count
            labelled = name.replace("{", '{job="vital",')
            lines[name].append(f"{labelled} {sums[name]} {start + 60 * at}")
    for tenant, dollars in {"acme": 0.02, "globex": 0.01}.items():
        for period in ("day", "month"):
            name = f'vital_tenant_spent_dollars{{job="vital",tenant_id="{tenant}",period="{period}"}}'
            lines[name] = [f"{name} {dollars * at} {start + 60 * at}" for at in range(MINUTES)]
    lines["up"] = [f'up{{job="vital",instance="one:8000"}} 1 {start + 60 * at}' for at in range(MINUTES)]
    kinds = {
        "up": "gauge",
        "vital_tenant_spent_dollars": "gauge",
        "vital_workflow_requests": "counter",
        "vital_workflow_requests_overall": "counter",
        "vital_tool_executions": "counter",
        "vital_workflow_duration_seconds": "histogram",
        **{name.partition("_total")[0]: "counter" for name in STEADY},
    }
    text = []
    for family, kind in kinds.items():
        text.append(f"# TYPE {family} {kind}")
        parts = {family, *(f"{family}_{part}" for part in ("total", "bucket", "count", "sum"))}
        text += [line for name, each in lines.items() if name.partition("{")[0] in parts for line in each]
    return "\n".join([*text, "# EOF\n"])


def cost_panels() -> list[tuple[str, str, str]]:
    """The queries of the dashboard that shows a day, with the keys of their panels and their legends."""
    written = {INTERVAL: "5m", RANGE: "24h", MODE: ".*", TENANT: ".*", WORKFLOW: ".*"}
    found = []
    for panel in cost(DEFAULT_CONFIG).panels:
        for query in panel.queries:
            expr = scoped(inlined(query.expr, recordings(THRESHOLDS)), DEFAULT_CONFIG.selector)
            for variable, value in written.items():
                expr = expr.replace(variable, value)
            found.append((panel.key, query.legend, expr))
    return found


class Day:
    """A day that Prometheus has the history of."""

    def __init__(self, prometheus: Prometheus, start: int) -> None:
        self.prometheus, self.start = prometheus, start
        self.url = str(prometheus._client.base_url).rstrip("/")

    def at(self, minute: int) -> float:
        return self.start + 60 * minute


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def day(tmp_path_factory) -> AsyncIterator[Day]:
    folder: Path = tmp_path_factory.mktemp("day")
    start = int(time.time()) // 60 * 60 - 60 * (MINUTES + 30)
    (folder / "day.txt").write_text(openmetrics(start))
    made = await asyncio.to_thread(
        subprocess.run,
        [
            find_program(PROMTOOL),
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            folder / "day.txt",
            folder / "prometheus",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    async with running_prometheus(folder, "127.0.0.1:1") as prometheus:
        yield Day(prometheus, start)


async def test_the_three_incidents_of_a_day_are_found_and_nothing_else(day):
    async with aiohttp.ClientSession() as client:
        history = History(client, day.url, day.at(0), day.at(MINUTES), 60)
        tested = {each.alert: each for each in await backtest(history, DEFAULT_CONFIG, None)}
    assert {name for name, each in tested.items() if each.firings} == {
        "AvailabilityBurnsSlowly",  # the same errors: more than 1 % of all there has been
        "HighErrorRate",
        "HighLatency",
        "HighToolFailureRate",
    }
    for name, bad in (
        ("HighErrorRate", BAD_ERRORS),
        ("HighLatency", SLOW),
        ("HighToolFailureRate", BAD_TOOLS),
    ):
        (firing,) = tested[name].firings
        at = THRESHOLDS[name]
        began = firing.began.timestamp()
        assert day.at(bad.start) + at.hold <= began <= day.at(bad.start) + at.hold + at.window
        over = began + firing.seconds
        assert day.at(bad.stop) - 120 <= over <= day.at(bad.stop) + at.window + 120


@pytest.mark.parametrize(("key", "legend", "expr"), cost_panels())
async def test_the_panels_of_a_day_show_the_day(day, key, legend, expr):
    found = await day.prometheus.query(expr, day.at(MINUTES - 1))
    values = {",".join(value for _, value in labels): value for labels, value in found.items()}
    assert values
    minutes = MINUTES - 1
    known = {
        "daily_cost": {"": (0.02 + 0.01) * MINUTES},
        "cost_by_type": {"llm": 0.02 * minutes, "tools": 0.01 * minutes},
        "cost_by_mode": {"2": 0.02 * minutes, "4": 0.01 * minutes},
        "expensive_tenants": {"acme": 0.02 * minutes, "globex": 0.01 * minutes},
        "cost_trend": {"llm": 1.2, "tools": 0.6},
        "cost_savings": {"": 0.5},
    }
    if key in known and legend not in ("all", "limit: a multiple of the usual"):
        assert values == {name: pytest.approx(value, rel=2e-3) for name, value in known[key].items()}


async def test_a_threshold_that_fires_as_often_as_asked_is_suggested(day, tmp_path):
    async with aiohttp.ClientSession() as client:
        history = History(client, day.url, day.at(0), day.at(MINUTES), 60)
        tested = await backtest(history, DEFAULT_CONFIG, 0)
        (tmp_path / "thresholds.toml").write_text(write_thresholds(tested, 0))
        chosen = load_config(tmp_path / "thresholds.toml").thresholds
        assert chosen["HighErrorRate"].value == 0.15  # 13 % failed
        assert chosen["HighToolFailureRate"].value >= 0.3  # 30 % failed
        again = await backtest(history, OpsConfig(thresholds=chosen), None)
    assert [each.alert for each in again if each.firings and each.threshold] == []


class Flapping:
    """A latency that comes near its threshold all day, and passes it three times."""

    step = 60.0
    seconds = 60.0 * MINUTES

    def __init__(self) -> None:
        self.slow = 12.0

    async def moments(self, expr: str) -> list[float]:
        found = re.search(r"histogram_quantile\(0\.95.* > ([\d.]+) and", expr)
        if found is None:
            return []
        slow = (*range(200, 230), *range(400, 430), *range(700, 730))
        return [60.0 * at for at in range(MINUTES) if (self.slow if at in slow else 9.5) > float(found[1])]


async def test_what_is_suggested_does_not_fire_all_day_because_that_is_once():
    tested = {each.alert: each for each in await backtest(Flapping(), DEFAULT_CONFIG, 1)}
    assert len(tested["HighLatency"].firings) == 3
    assert tested["HighLatency"].suggested == 12.5


async def test_a_lower_threshold_is_suggested_where_an_alert_fires_too_seldom():
    flapping = Flapping()
    flapping.slow = 9.9
    tested = {each.alert: each for each in await backtest(flapping, DEFAULT_CONFIG, 3)}
    assert (tested["HighLatency"].firings, tested["HighLatency"].suggested) == ([], None), "9 holds all day"
    flapping.slow, own = 11.5, THRESHOLDS["HighLatency"].model_copy(update={"value": 12.0})
    tested = {
        each.alert: each
        for each in await backtest(flapping, OpsConfig(thresholds={**THRESHOLDS, "HighLatency": own}), 3)
    }
    assert tested["HighLatency"].suggested == 10.8


async def test_the_alerts_of_the_objectives_are_tested_too(day):
    async with aiohttp.ClientSession() as client:
        history = History(client, day.url, day.at(0), day.at(MINUTES), 60)
        tested = {each.alert: each for each in await backtest(history, DEFAULT_CONFIG, None)}
    (firing,) = tested["AvailabilityBurnsSlowly"].firings
    assert 0 < firing.began.timestamp() - day.at(BAD_ERRORS.start) < 2 * 3_600
    assert tested["AvailabilityBurnsSlowly"].threshold is None
    for objective in OBJECTIVES:
        for speed in SPEEDS:
            assert "vital:" not in inlined(burns(objective, speed), slo_recordings())


async def test_thresholds_of_ones_own_are_kept_beside_those_that_are_suggested(tmp_path):
    own = {
        **THRESHOLDS,
        "HighErrorRate": THRESHOLDS["HighErrorRate"].model_copy(update={"value": 0.02}),
        "HighLatency": THRESHOLDS["HighLatency"].model_copy(update={"least_events": 500, "before": 7_200.0}),
    }
    tested = [
        Outcome("HighErrorRate", own["HighErrorRate"], [], None),
        Outcome("HighLatency", own["HighLatency"], [], 12.5),
        Outcome("HighDailyCost", own["HighDailyCost"], [], None),
    ]
    (tmp_path / "thresholds.toml").write_text(write_thresholds(tested, 0))
    expected = {**own, "HighLatency": own["HighLatency"].model_copy(update={"value": 12.5})}
    assert load_config(tmp_path / "thresholds.toml").thresholds == expected
    assert "HighDailyCost" not in (tmp_path / "thresholds.toml").read_text()


async def test_the_settings_of_the_tested_file_are_written_with_its_thresholds(tmp_path):
    (tmp_path / "own.toml").write_text(
        'environment = "staging"\nselector = \'job="vital",cluster="eu"\'\n[HighErrorRate]\nvalue = 0.02\n'
    )
    config = load_config(tmp_path / "own.toml")
    tested = [Outcome("HighErrorRate", config.thresholds["HighErrorRate"], [], 0.04)]
    (tmp_path / "written.toml").write_text(write_thresholds(tested, 0, config))
    written = load_config(tmp_path / "written.toml")
    assert (written.environment, written.selector) == ("staging", 'job="vital",cluster="eu"')
    assert written.thresholds["HighErrorRate"].value == 0.04


async def test_the_command_reports_what_would_have_fired_and_writes_thresholds(day, tmp_path):
    written = tmp_path / "thresholds.toml"
    options = ["--prometheus", day.url, "--last", "1d", "--times", "0", "--write", str(written), "--json"]
    done = await asyncio.to_thread(CliRunner().invoke, app, ["ops", "backtest", *options])
    assert done.exit_code == 0, done.output
    fired = {each["alert"]: len(each["firings"]) for each in json.loads(done.stdout)}
    assert fired["HighToolFailureRate"] == 1
    assert load_config(written).thresholds["HighToolFailureRate"].value >= 0.3
    table = await asyncio.to_thread(CliRunner().invoke, app, ["ops", "backtest", *options[:4]])
    assert "HighLatency" in table.stdout


@pytest.mark.parametrize(
    ("options", "code", "reported"),
    [
        (["--last", "soon"], 2, "no span of time"),
        (["--prometheus", "http://127.0.0.1:1"], 1, "give its address"),
    ],
)
async def test_the_command_says_what_is_wrong(options, code, reported):
    done = await asyncio.to_thread(CliRunner().invoke, app, ["ops", "backtest", *options])
    assert (done.exit_code, reported in done.stderr) == (code, True), done.output


async def test_a_prometheus_that_is_not_there_is_reported():
    async with aiohttp.ClientSession() as client:
        with pytest.raises(HistoryUnavailable, match="give its address"):
            await History(client, "http://127.0.0.1:1", 0, 60, 60).moments("up")


async def test_what_prometheus_cannot_evaluate_is_reported(day):
    async with aiohttp.ClientSession() as client:
        with pytest.raises(HistoryUnavailable, match="refused the query"):
            await History(client, day.url, 0, 60, 60).moments("up +")


async def test_a_long_time_is_asked_for_in_parts(day):
    async with aiohttp.ClientSession() as client:
        found = await History(client, day.url, day.at(0), day.at(MINUTES), 5).moments("vector(1)")
    assert len(found) == MINUTES * 12 + 1


@pytest.mark.asyncio(loop_scope="module")
async def test_an_alert_fires_when_its_condition_has_held_for_so_long():
    moments = [0, 60, 120, 180, 360, 420, 600, 660, 720]
    found = firings(moments, hold=120, step=60)
    assert [(firing.began.timestamp(), firing.seconds) for firing in found] == [(120, 120), (720, 60)]
    assert firings([], hold=60, step=60) == []


async def test_no_recorded_series_is_left_when_an_expression_is_inlined():
    for alert in EVERY_ALERT:
        assert "vital:" not in inlined(alert.condition(THRESHOLDS[alert.key]), recordings(THRESHOLDS)), (
            alert.key
        )


async def test_a_condition_on_a_label_of_what_is_recorded_is_one_of_what_it_is_recorded_of():
    (tenants,) = [alert for alert in EVERY_ALERT if alert.key == "TenantAvailability"]
    expr = inlined(tenants.condition(THRESHOLDS[tenants.key]), recordings(THRESHOLDS))
    selectors = set(re.findall(r"vital_workflow_requests_total\{[^}]*\}", expr))
    assert selectors == {
        'vital_workflow_requests_total{$scope,outcome="failed"}',
        'vital_workflow_requests_total{$scope,outcome=~"success|degraded|failed"}',
    }
    assert "vital_metric_series_limit{$scope}" in expr


class AlwaysRestarting:
    """A history in which workers restart now and then, and nothing else happens."""

    step = 60.0
    seconds = 60.0 * MINUTES

    async def moments(self, expr: str) -> list[float]:
        found = re.search(r"vital_worker_restarts_total.* >= ([\d.]+)$", expr)
        return [60.0 * at for at in (200, 201, 400, 401)] if found and float(found[1]) < 5 else []


async def test_every_alert_is_tested_by_its_row_of_the_configuration():
    tested = {each.alert: each for each in await backtest(AlwaysRestarting(), DEFAULT_CONFIG, 0)}
    assert [name for name, each in tested.items() if each.threshold] == [alert.key for alert in EVERY_ALERT]
    assert len(tested["WorkerRestarts"].firings) == 2
    assert tested["WorkerRestarts"].suggested == 5.25
    assert "[WorkerRestarts]" in write_thresholds([*tested.values()], 0)


async def test_a_budgets_share_and_what_cannot_be_another_are_not_tuned():
    class Always(AlwaysRestarting):
        async def moments(self, expr: str) -> list[float]:
            return [60.0 * at for at in (200, 201, 202, 203)]

    tested = {each.alert: each for each in await backtest(Always(), DEFAULT_CONFIG, 0)}
    assert {
        name: tested[name].suggested for name in ("TenantBudgetHalf", "UsageLimitSpent", "EngineDown")
    } == {
        "TenantBudgetHalf": None,
        "UsageLimitSpent": None,
        "EngineDown": None,
    }


async def test_every_number_of_an_alert_is_written_and_can_be_read_again(tmp_path):
    changed = {
        "SuddenCostSpike": THRESHOLDS["SuddenCostSpike"].model_copy(
            update={
                "value": 3.5,
                "window": 1_200.0,
                "hold": 0.0,
                "least_events": 7,
                "least_dollars_per_hour": 5.0,
                "before": 7_200.0,
                "day": 90_000.0,
                "week": 1_209_600.0,
            }
        ),
        "DeadLetters": THRESHOLDS["DeadLetters"].model_copy(update={"value": 4.0}),
    }
    tested = [Outcome(name, at, [], None) for name, at in changed.items()]
    (tmp_path / "thresholds.toml").write_text(write_thresholds(tested, None))
    assert load_config(tmp_path / "thresholds.toml").thresholds == {**THRESHOLDS, **changed}
