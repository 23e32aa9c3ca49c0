"""`vital ops`."""

import pytest

from vital_ops.build import files


def test_build_writes_what_is_missing_and_what_differs_and_reports_it(vital, tmp_path):
    done = vital("ops", "build", "--to", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.yml")} <= files().keys()
    (tmp_path / "alertmanager.yml").write_text("route: {}")
    done = vital("ops", "build", "--to", str(tmp_path))
    assert done.stderr.count("written:") == 1
    assert f"1 written, {len(files()) - 1} unchanged." in done.stderr
    assert (tmp_path / "alertmanager.yml").read_text() == files()["alertmanager.yml"]


@pytest.mark.thorough
def test_a_first_build_counts_its_files_by_folder_and_names_them_where_that_is_asked_for(vital, tmp_path):
    lines = vital("ops", "build", "--to", str(tmp_path / "a")).stderr.splitlines()
    counts = [
        int(line.removeprefix("written: ").split()[0]) for line in lines if line.startswith("written: ")
    ]
    assert sum(counts) == len(files())
    assert len(lines) < 15
    named = vital("ops", "build", "--verbose", "--to", str(tmp_path / "b"))
    assert named.stderr.count("written: ") == len(files())
    compared = vital("ops", "build", "--check", "--to", str(tmp_path / "c"))
    assert compared.stderr.count("differs: ") == len(counts)


def test_check_writes_nothing_and_fails_where_a_file_differs(vital, tmp_path):
    vital("ops", "build", "--to", str(tmp_path))
    assert vital("ops", "build", "--check", "--to", str(tmp_path)).exit_code == 0
    (tmp_path / "alertmanager.yml").unlink()
    done = vital("ops", "build", "--check", "--to", str(tmp_path))
    assert done.exit_code == 1
    assert "differs: " in done.stderr
    assert not (tmp_path / "alertmanager.yml").exists()


@pytest.mark.thorough
def test_check_compares_rules_and_boards_with_the_thresholds_of_a_file(vital, tmp_path):
    chosen, built = tmp_path / "thresholds.toml", str(tmp_path / "built")
    chosen.write_text("[HighErrorRate]\nvalue = 0.02\n")
    vital("ops", "build", "--to", built, "--thresholds", str(chosen))
    assert vital("ops", "build", "--check", "--to", built, "--thresholds", str(chosen)).exit_code == 0
    differing = vital("ops", "build", "--check", "--verbose", "--to", built)
    assert differing.exit_code == 1
    assert "prometheus-rules/alerts.yml" in differing.stderr
    assert "grafana-dashboards/vital-performance.json" in differing.stderr


def test_thresholds_come_from_a_file(vital, tmp_path):
    chosen = tmp_path / "thresholds.toml"
    chosen.write_text("[HighErrorRate]\nvalue = 0.02\n")
    vital("ops", "build", "--to", str(tmp_path), "--thresholds", str(chosen))
    assert "> 0.02 and" in (tmp_path / "prometheus-rules/alerts.yml").read_text()
    chosen.write_text("[HighErrorRate]\nvalue = 0\n")
    done = vital("ops", "build", "--to", str(tmp_path), "--thresholds", str(chosen))
    assert done.exit_code == 2
    assert "HighErrorRate.value" in done.stderr
