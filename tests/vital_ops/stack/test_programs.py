"""Where the programs are that others have written."""

import subprocess

import pytest

from vital_ops.stack.programs import (
    ALERTMANAGER,
    AMTOOL,
    PROMETHEUS,
    PROMTOOL,
    REDIS,
    find_program,
    find_prometheus_3,
)
from vital_shared.errors import ConfigurationError


def executable(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("names", [ALERTMANAGER, AMTOOL, PROMETHEUS, PROMTOOL, REDIS])
def test_each_program_of_the_stack_is_there_and_runs(names):
    said = subprocess.run([find_program(names), "--version"], check=True, capture_output=True, text=True)
    assert "ersion" in said.stdout + said.stderr or "v=" in said.stdout


@pytest.mark.parametrize("names", [PROMETHEUS, PROMTOOL])
def test_each_program_of_prometheus_3_is_there_and_runs(names):
    program = find_prometheus_3(names)
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    assert "version 3." in said.stdout + said.stderr


def test_a_prometheus_3_that_is_missing_is_named_with_what_to_do(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"^promtool of Prometheus 3 is missing: .*make .*fetches it"
    ):
        find_prometheus_3(PROMTOOL, checkout=tmp_path)


def test_the_path_comes_before_what_was_unpacked(tmp_path, monkeypatch):
    unpacked = executable(tmp_path / "checkout/.stack/usr/bin/promtool")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert find_program(PROMTOOL, checkout=tmp_path / "checkout") == unpacked
    on_path = executable(tmp_path / "path/promtool")
    assert find_program(PROMTOOL, checkout=tmp_path / "checkout") == on_path


def test_an_unpacked_program_is_run_with_its_libraries(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    executable(tmp_path / ".stack/usr/bin/redis-server")
    wrapper = executable(tmp_path / ".stack/bin/redis-server")
    assert find_program(REDIS, checkout=tmp_path) == wrapper


def test_alertmanager_is_found_by_the_name_that_its_makers_gave_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = executable(tmp_path / "alertmanager")
    assert find_program(ALERTMANAGER, checkout=tmp_path) == found


def test_what_is_missing_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigurationError, match=r"^prometheus-alertmanager is missing: .*make stack"):
        find_program(ALERTMANAGER, checkout=tmp_path)
