"""The rules: built from one table, and each alert fires when it should and at no other time."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.variants import sampled
from tests.vital_ops.mutation.running import Loader
from tests.vital_ops.needed_rules import run_tests

from vital_ops.build import build, files, outdated
from vital_ops.config import DEFAULT_CONFIG, OpsConfig, scaled
from vital_ops.drill.scaled_rules import MAX_WINDOW_SECONDS, SPEEDUP_FACTOR
from vital_ops.durations import parse_seconds
from vital_ops.rules.alerts import ALERTS
from vital_ops.rules.files import rule_files, slo_rules
from vital_ops.rules.groups import EVERY_ALERT
from vital_ops.rules.outage import tolerated_gap
from vital_ops.rules.slos import OBJECTIVES, SPEEDS, WATCHDOG
from vital_ops.stack.programs import PROMTOOL, find_program, find_prometheus_3
from vital_ops.stack.scratch import INTERVAL
from vital_ops.thresholds import numbers
from vital_shared.monitoring.metrics import (
    QUALITY_SCORE,
    TIME_TO_FIRST_TOKEN_SECONDS,
    WORKFLOW_DURATION_SECONDS,
)

pytestmark = pytest.mark.long

THRESHOLDS = DEFAULT_CONFIG.thresholds

ROOT = Path(__file__).parents[2]

FOLDER = ROOT / "prometheus-rules"

RULES = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yml")}

TESTS = {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / "tests").glob("*.yml")}

SCRAPED = yaml.safe_load((ROOT / "prometheus.yml").read_text(encoding="utf-8"))["global"]["scrape_interval"]
"""Interval between the stack's scrapes."""

LOOK_BACK = 290
"""Seconds for which Prometheus takes the last sample of a series, and a little less."""

VERSIONS = [pytest.param(find_program, id="prometheus-2"), pytest.param(find_prometheus_3, id="prometheus-3")]


RUNS = [
    pytest.param(name, find, id=f"{name}-{version}", marks=[pytest.mark.thorough] if is_left else [])
    for name in sorted(TESTS)
    for version, find, is_left in (
        ("prometheus-2", find_program, True),
        ("prometheus-3", find_prometheus_3, "-" in name),
    )
]
"""Files of tests and versions; the older one, and finer series, with a suffix, are left to `make test-all`."""


def promtool(*arguments: str | Path, find=find_program) -> subprocess.CompletedProcess[str]:
    return subprocess.run([find(PROMTOOL), *arguments], capture_output=True, text=True, check=False)


def test_the_files_of_the_repository_are_what_the_code_builds():
    built = files()
    assert outdated(ROOT, built) == []
    kept = {path.relative_to(ROOT).as_posix() for path in FOLDER.rglob("*.yml")}
    assert kept <= built.keys()


def test_every_alert_has_tests():
    names = {alert.key for alert in EVERY_ALERT} | {rule.name for rule in slo_rules(DEFAULT_CONFIG)}
    assert {name.partition(".")[0].partition("-")[0] for name in TESTS} == names | {WATCHDOG}


@pytest.mark.parametrize(("name", "find"), RUNS)
def test_an_alert_fires_when_it_should_and_at_no_other_time(name, find, tmp_path):
    run = run_tests(TESTS[name], RULES, tmp_path, find)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", sampled([alert.name for alert in ALERTS], 4))
def test_the_tests_notice_when_an_alert_has_another_threshold(tmp_path, name):
    others = {"HighLatency": 20, "VeryHighLatency": 45, "CacheNearCapacity": 0.99}
    is_below = name in ("LowCacheHitRate", "LowQualityScore")
    value = others.get(name, THRESHOLDS[name].value * (0.7 if is_below else 1.5))
    changed = {**THRESHOLDS, name: THRESHOLDS[name].model_copy(update={"value": value})}
    run = run_tests(TESTS[f"{name}.yml"], rule_files(OpsConfig(thresholds=changed)), tmp_path, find_program)
    assert run.returncode != 0
    assert "FAILED" in run.stdout + run.stderr


def test_the_queries_of_messages_are_about_the_engines_that_are_watched():
    for path, text in files().items():
        assert not (path.startswith("prometheus-rules/") and "$scope" in text), path


def test_no_check_is_later_than_the_samples_of_the_engines():
    """Else no engine is up, and an alert is silent whatever else is true."""
    for text in TESTS.values():
        file = yaml.load(text, Loader)
        for case in file["tests"]:
            up = [
                each["values"] for each in case["input_series"] if each["series"].startswith('up{job="vital"')
            ]
            end = (max(map(samples, up), default=0) - 1) * parse_seconds(case["interval"])
            checked = [parse_seconds(check["eval_time"]) for check in case["promql_expr_test"]]
            silent = [not check["exp_samples"] for check in case["promql_expr_test"]]
            late = [
                at for at, nothing in zip(checked, silent, strict=True) if nothing and at > end + LOOK_BACK
            ]
            assert not up or not late, case["name"]


def samples(values):
    """Count the samples of a series, in promtool's notation."""
    times = [re.search(r"x(\d+)$", each) for each in values.split()]
    return sum(
        1 if many is None else int(many[1]) + (not each.startswith("_"))
        for many, each in zip(times, values.split(), strict=True)
    )


@pytest.mark.parametrize("find", VERSIONS)
def test_promtool_has_nothing_to_say_about_the_rules(find):
    rules = sorted(FOLDER.glob("*.yml"))
    checked = promtool("check", "rules", "--lint-fatal", *rules, find=find)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_drills_rules_are_the_same_in_less_time(tmp_path):
    fast = scaled(DEFAULT_CONFIG, 100, longest=20)
    spans = fast.thresholds.values()
    assert {each.value for each in spans} == {each.value for each in THRESHOLDS.values()}
    assert all(1 <= span <= 20 for each in spans for span in (each.window, each.hold))
    assert all(each.window < each.before <= 40 for each in spans), "what is compared does not overlap"
    build(tmp_path, files(fast))
    assert promtool("check", "rules", tmp_path / "prometheus-rules/alerts.yml").returncode == 0


@pytest.mark.parametrize(
    ("config", "scraped"),
    [
        pytest.param(DEFAULT_CONFIG, SCRAPED, id="stack"),
        pytest.param(scaled(DEFAULT_CONFIG, SPEEDUP_FACTOR, MAX_WINDOW_SECONDS), INTERVAL, id="drill"),
    ],
)
def test_a_failed_scrape_is_no_outage_and_an_outage_is_one_before_engine_down_pages(config, scraped):
    gap = parse_seconds(tolerated_gap(config.thresholds))
    assert 2 * parse_seconds(scraped) <= gap <= config.threshold("EngineDown").hold


@pytest.mark.parametrize(("hold", "gap"), [("0m", "1s"), ("1m", "24s"), ("1h", "1m")])
def test_the_time_of_engine_down_bounds_what_is_no_outage(hold, gap):
    engine_down = numbers(1, "1m", hold)
    assert tolerated_gap({**THRESHOLDS, "EngineDown": engine_down}) == gap


def test_a_bucket_has_an_edge_at_every_threshold():
    seconds = WORKFLOW_DURATION_SECONDS.buckets
    assert {THRESHOLDS["HighLatency"].value, THRESHOLDS["VeryHighLatency"].value} <= set(seconds)
    assert 2 in TIME_TO_FIRST_TOKEN_SECONDS.buckets
    assert {0.7, THRESHOLDS["LowQualityScore"].value} <= set(QUALITY_SCORE.buckets)


def test_no_objective_is_so_loose_that_its_alert_can_never_fire():
    for objective in OBJECTIVES:
        for speed in SPEEDS:
            assert all(burn.times * (1 - objective.good) < 1 for burn in speed.burns)
