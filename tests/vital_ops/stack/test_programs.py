"""Where the programs are that others have written."""

import subprocess

import pytest

from vital_ops.stack.programs import (
    ALERTMANAGER,
    AMTOOL,
    PROMETHEUS,
    PROMTOOL,
    REDIS,
    fetch_programs,
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


def test_a_program_fetched_into_the_data_folder_is_found_without_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("VITAL_DATA_DIR", str(tmp_path / "data"))
    fetched = executable(tmp_path / "data/programs/usr/bin/prometheus")
    assert find_program(PROMETHEUS, checkout=tmp_path) == fetched


def fetching(monkeypatch, tmp_path, script):
    monkeypatch.setenv("VITAL_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "fetch.sh").write_text(script)
    monkeypatch.setattr("vital_ops.stack.programs.FETCH_SCRIPT", tmp_path / "fetch.sh")


def test_fetched_programs_replace_the_older_ones_when_they_are_whole(tmp_path, monkeypatch):
    executable(tmp_path / "data/programs/usr/bin/old")
    fetching(monkeypatch, tmp_path, 'mkdir -p "$1/usr/bin"; touch "$1/usr/bin/prometheus"\n')
    assert [path.name for path in (fetch_programs() / "usr/bin").iterdir()] == ["prometheus"]


def test_programs_that_cannot_be_fetched_are_one_sentence_and_the_older_ones_stay(tmp_path, monkeypatch):
    old = executable(tmp_path / "data/programs/usr/bin/old")
    fetching(monkeypatch, tmp_path, "echo noise >&2; echo 'It cannot be fetched.' >&2; exit 1\n")
    with pytest.raises(ConfigurationError, match=r"^It cannot be fetched\.$"):
        fetch_programs()
    assert old.exists()


def test_what_is_missing_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigurationError, match=r"^prometheus-alertmanager is missing: .*vital ops fetch"):
        find_program(ALERTMANAGER, checkout=tmp_path)
