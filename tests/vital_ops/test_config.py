"""The configuration of rules and dashboards, and a file that changes it."""

import subprocess

import pytest
import yaml
from tests.vital_ops.needed_rules import run_tests

from vital_ops.build import build, files
from vital_ops.config import DEFAULT_CONFIG, OpsConfig, load_config
from vital_ops.durations import parse_seconds, write_seconds
from vital_ops.rules.files import alert_rules, rule_files
from vital_ops.stack.programs import PROMTOOL, find_program
from vital_ops.stack.stack import local_config
from vital_shared.errors import ConfigurationError


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    file = tmp_path / "thresholds.toml"
    file.write_text('[HighErrorRate]\nvalue = 0.02\nfor = "10m"\n[HighLatency]\nvalue = 5\n')
    changed = load_config(file).thresholds
    assert (changed["HighErrorRate"].value, changed["HighErrorRate"].hold) == (0.02, 600)
    assert changed["HighErrorRate"].window == DEFAULT_CONFIG.thresholds["HighErrorRate"].window
    assert changed["HighLatency"].value == 5
    assert {
        name for name in DEFAULT_CONFIG.thresholds if changed[name] != DEFAULT_CONFIG.thresholds[name]
    } == {"HighErrorRate", "HighLatency"}


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("[HighErrorrate]\nvalue = 1", "there is no alert HighErrorrate; there are HighErrorRate, "),
        ("HighErrorRate = 1", r"write the thresholds of HighErrorRate as a table, \[HighErrorRate\]"),
        ("[HighErrorRate]\nvalue = -1", "HighErrorRate.value must be above 0\\."),
        ('[HighErrorRate]\nfor = "soon"', 'HighErrorRate.for: .*"soon" is no span of time'),
        ('[HighErrorRate]\nwindow = "0m"', "no span of time"),
        ("[HighErrorRate]\ncolour = 1", "HighErrorRate.colour is not known here"),
        ("[HighErrorRate", "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_file_is_reported_with_its_place(tmp_path, text, reported):
    file = tmp_path / "thresholds.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=reported) as error:
        load_config(file)
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        ('environment = "a\\"b"', "environment: write a name of letters, digits, spaces and . _ : / -"),
        ('environment = "a\\nb"', "environment: write a name of"),
        ('environment = "{{ x }}"', "environment: write a name of"),
        ('environment = "a$scope b"', "environment: write a name of"),
        ('environment = "eu%s"', "environment: write a name of"),
        ('environment = "eu"\nselector = \'job="v",environment="us"\'', "environment: .*two values"),
        ("grafana_url = 'https://g/{{x}}'", "grafana_url: write an address .*without"),
        ("runbook_url = 'https://g/\"x'", "runbook_url: write an address"),
        ("engine_url = 'https://g/`x'", "engine_url: write an address"),
        ("prometheus_external_url = 'https://g/$x'", "prometheus_external_url: write an address"),
        ("traces_url = 'https://g/{{x}}'", "traces_url: write an address"),
        ("selector = 'job=\"\"'", 'selector: job="" selects what has no such label'),
        ("selector = 'job=\"prometheus\"'", "selector: .*scrapes itself under"),
        ('selector = \'job="alertmanager",cluster="eu"\'', "selector: .*scrapes itself under"),
        ('selector = \'job="a",job="b"\'', "selector: job is there twice"),
        ('selector = \'job="a",tenant_id="x"\'', "selector: tenant_id is a label of metrics"),
        ('selector = \'job="a",instance="x:1"\'', "selector: instance is a label of metrics"),
        ('selector = \'job="a",__name__="x"\'', "selector: .*as in job="),
        ("selector = 'j\u00f6b=\"a\"'", "selector: .*as in job="),
        ("selector = 'job=\"a %s\"'", "selector: .*as in job="),
        ("selector = 'job=\"$scope\"'", "selector: .*as in job="),
        ("[HighErrorRate]\nvalue = inf", "HighErrorRate.value must be a finite number"),
        ("[HighErrorRate]\nvalue = nan", "HighErrorRate.value must be "),
        ("[HighErrorRate]\nvalue = 1", "HighErrorRate.value: with 1 the alert never fires.*below 1"),
        ("[HighErrorRate]\nvalue = 2", "HighErrorRate.value: with 2 .*below 1"),
        ("[TenantAvailability]\nvalue = 1.0", "TenantAvailability.value: with 1 .*below 1"),
        ("[LowQualityScore]\nvalue = 1.5", "LowQualityScore.value: with 1.5 .*below 1"),
        ("[HighLatency]\nvalue = 100000", "HighLatency.value: with 100000 .*below"),
        ("[EngineDown]\nvalue = 2", "EngineDown.value: .*fires when no engine"),
        ("[TenantBudgetHalf]\nvalue = 0.8", "TenantBudgetHalf and TenantBudgetNearlySpent .*same value"),
        ("[HighErrorRate]\nwindow = inf", "HighErrorRate.window must not be above "),
        ("[HighErrorRate]\nwindow = 1e-6", "HighErrorRate.window must "),
        ('[HighErrorRate]\nwindow = "99999999w"', "HighErrorRate.window must not be above "),
        ("[SuddenCostSpike]\nleast_dollars_per_hour = inf", "least_dollars_per_hour must be a finite number"),
    ],
)
def test_what_prometheus_would_refuse_or_never_fires_is_refused_in_one_sentence(tmp_path, line, reported):
    file = tmp_path / "ops.toml"
    file.write_text(line, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=reported) as error:
        load_config(file)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


USUAL = """
environment = "eu/prod-1: blue"
selector = 'job="answers (blue)",cluster="eu"'
grafana_url = "https://[::1]:3000/grafana?orgId=1#x"
[HighErrorRate]
value = 0.999
window = "1s"
for = "0m"
[LowQualityScore]
value = 0.01
[TenantBudgetHalf]
value = 0.755
[HighLatency]
value = 7
[EngineDown]
value = 1
"""


def test_prometheus_takes_what_a_usual_file_builds(tmp_path):
    file = tmp_path / "ops.toml"
    file.write_text(USUAL)
    config = load_config(file)
    build(tmp_path, files(config))
    promtool = find_program(PROMTOOL)
    rules = sorted((tmp_path / "prometheus-rules").glob("*.yml"))
    for command in (
        ["check", "rules", *rules],
        ["check", "config", "--syntax-only", tmp_path / "prometheus.yml"],
    ):
        run = subprocess.run([promtool, *command], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


def test_a_number_with_many_digits_is_the_one_that_alerts_compare_with(tmp_path):
    file = tmp_path / "ops.toml"
    file.write_text("[HighDailyCost]\nvalue = 1234567.89\n")
    (rule,) = (
        rule
        for rules in alert_rules(load_config(file)).values()
        for rule in rules
        if rule.name == "HighDailyCost"
    )
    assert "> 1234567.89" in rule.expr
    assert "1234567.89" in rule.annotations["summary"]


def test_a_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_config(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (300, "5m"),
        (0.2, "200ms"),
        (3_600, "1h"),
        (86_400, "1d"),
        (259_200, "3d"),
        (90, "90s"),
        (1.5, "1500ms"),
        (1, "1s"),
    ],
)
def test_spans_are_written_as_prometheus_writes_them(seconds, text):
    assert write_seconds(seconds) == text
    assert parse_seconds(text) == seconds


def test_a_file_names_the_environment_the_engines_and_the_addresses(tmp_path):
    file = tmp_path / "ops.toml"
    file.write_text(
        'environment = "staging"\nselector = \'job="vital",cluster="eu"\'\n'
        'grafana_url = "https://grafana.example/"\nrunbook_url = "https://wiki.example/runbooks"\n'
    )
    config = load_config(file)
    assert (config.environment, config.selector) == ("staging", 'job="vital",cluster="eu"')
    assert config.panel("vital-cache", 3) == "https://grafana.example/d/vital-cache?viewPanel=3"
    assert config.runbook("HighLatency") == "https://wiki.example/runbooks/HighLatency"
    assert config.target_labels == {"job": "vital", "cluster": "eu"}


def test_what_a_file_leaves_out_is_that_of_the_stack_that_reads_it(tmp_path):
    file = tmp_path / "ops.toml"
    file.write_text('environment = "staging"\nprometheus_external_url = "https://prometheus.example"\n')
    config = load_config(file, local_config("127.0.0.1:8123", 9190, 9193))
    assert config.runbook_url == "http://127.0.0.1:8123/runbooks"
    assert (config.prometheus_external_url, config.alertmanager_external_url) == (
        "https://prometheus.example",
        "http://127.0.0.1:9193",
    )


def test_no_address_of_this_machine_is_left_when_all_are_configured(tmp_path):
    names = (
        "engine_url",
        "grafana_url",
        "runbook_url",
        "prometheus_external_url",
        "alertmanager_external_url",
    )
    config = OpsConfig(environment="production", **{name: f"https://{name}.example" for name in names})
    for path, text in files(config).items():
        assert "127.0.0.1" not in text, path
        assert "localhost" not in text or path == "prometheus.yml", "it scrapes itself"


def test_the_engines_have_the_labels_by_which_rules_select_them():
    config = OpsConfig(selector='job="answers",cluster="eu"')
    (engines, *_) = yaml.safe_load(files(config)["prometheus.yml"])["scrape_configs"]
    assert engines["job_name"] == "answers"
    assert engines["dns_sd_configs"] == [{"names": ["ai-engine"], "type": "A", "port": 8000}]
    assert engines["relabel_configs"] == [{"target_label": "cluster", "replacement": "eu"}]


@pytest.mark.parametrize(
    "line", ["selector = 'job=~\"vital.*\"'", "selector = 'job'", 'grafana_url = "grafana"', "colour = 1"]
)
def test_a_setting_that_cannot_be_used_is_refused_with_its_name(tmp_path, line):
    file = tmp_path / "ops.toml"
    file.write_text(line)
    with pytest.raises(ConfigurationError, match=line.split(" ")[0]):
        load_config(file)


@pytest.mark.parametrize(
    ("alert", "numbers"),
    [
        ("HighErrorRate", 'value = 0.0185\nfor = "0m"'),
        ("HighErrorRate", 'for = "90s"\nleast_events = 0'),
        ("HighErrorRate", "least_events = 5000"),
        ("HighLatency", 'value = 3.7\nwindow = "30m"\nfor = "30m"'),
        ("VeryHighLatency", 'value = 41.5\nwindow = "7m"\nleast_events = 1'),
    ],
)
def test_the_rule_tests_of_odd_numbers_hold(tmp_path, alert, numbers):
    file = tmp_path / "ops.toml"
    file.write_text(f"[{alert}]\n{numbers}\n")
    config = load_config(file)
    tests = [text for path, text in files(config).items() if f"tests/{alert}" in path]
    assert tests
    for text in tests:
        run = run_tests(text, rule_files(config), tmp_path, find_program)
        assert run.returncode == 0, run.stdout + run.stderr
