"""Prometheus' configuration: the one in the repository is built, and promtool finds it good."""

import subprocess
from pathlib import Path

import pytest

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
        )
    )
    (tmp_path / "prometheus.yml").rename(tmp_path / "prometheus")
    command = [find_program(PROMTOOL), "check", "config", tmp_path / "prometheus"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "SUCCESS: 1 rule files found" in done.stdout
