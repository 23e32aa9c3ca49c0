"""Prometheus' configuration: the one in the repository is built, and promtool finds it good."""

import subprocess
from pathlib import Path

import pytest
import yaml

from vital_ops.config import OpsConfig
from vital_ops.stack.files import files
from vital_ops.stack.programs import PROMTOOL, find_program
from vital_ops.stack.prometheus import prometheus_configuration

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("path", "text"), files().items())
def test_a_file_of_the_repository_is_what_the_code_builds(path, text):
    assert (ROOT / path).read_text(encoding="utf-8") == text


def test_promtool_finds_nothing_to_complain_about(tmp_path):
    (tmp_path / "engine.key").write_text("none")
    (tmp_path / "a rule.yml").write_text("groups: []")
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(
        prometheus_configuration(
            engine="[::1]:8000",
            prometheus="127.0.0.1:9090",
            alertmanager="127.0.0.1:9093",
            rules=str(tmp_path / "*.yml"),
            key_file=str(tmp_path / "engine.key"),
            interval="250ms",
            environment='eu $1: "west"',
        )
    )
    (tmp_path / "prometheus.yml").rename(tmp_path / "prometheus")
    command = [find_program(PROMTOOL), "check", "config", tmp_path / "prometheus"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "SUCCESS: 1 rule files found" in done.stdout


def test_every_engine_has_the_environment_as_a_label_where_it_has_a_name():
    for environment, labels in (("", None), ("production", ["production"])):
        read = yaml.safe_load(files(OpsConfig(environment=environment))["prometheus.yml"])
        named = read["scrape_configs"][0].get("relabel_configs")
        assert labels == (named and [each["replacement"] for each in named])
        assert named is None or named[0]["target_label"] == "environment"
