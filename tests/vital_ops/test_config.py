"""The configuration of rules and dashboards, and a file that changes it."""

import pytest
import yaml

from vital_ops.build import files
from vital_ops.config import DEFAULT_CONFIG, OpsConfig, load_config
from vital_ops.durations import parse_seconds, write_seconds
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
        ("[HighErrorRate]\nvalue = -1", "HighErrorRate.value: .*greater than 0"),
        ('[HighErrorRate]\nfor = "soon"', 'HighErrorRate.for: .*"soon" is no span of time'),
        ('[HighErrorRate]\nwindow = "0m"', "no span of time"),
        ("[HighErrorRate]\ncolour = 1", "HighErrorRate.colour: .*not permitted"),
        ("[HighErrorRate", "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_file_is_reported_with_its_place(tmp_path, text, reported):
    file = tmp_path / "thresholds.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=reported) as error:
        load_config(file)
    assert str(file) in str(error.value)


def test_a_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_config(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5m"), (3_600, "1h"), (86_400, "1d"), (259_200, "3d"), (90, "90s"), (1.5, "1500ms"), (1, "1s")],
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
