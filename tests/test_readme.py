"""What the README says holds."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.vital_cli.conftest import models_dir  # noqa: F401 - a fixture
from tests.vital_cli.test_process import read_until

from ai_engine.settings import ServerSettings
from vital_ops.marks import GrafanaSettings
from vital_ops.stack.notification_settings import NotificationSettings
from vital_shared import BaseWorkflow, Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("settings", [Settings, ServerSettings, NotificationSettings, GrafanaSettings])
def test_the_configuration_table_has_every_variable_with_its_default(settings):
    rows = [line for line in README.splitlines() if re.match(r"\| `[A-Z_]+`", line)]
    listed = {}
    for row in rows:
        _, names, defaults, *_ = (cell.strip() for cell in row.split("|"))
        for name, default in zip(names.split(", "), defaults.split(", "), strict=True):
            listed[name.strip("`")] = default
    for name, field in settings.model_fields.items():
        variable = field.validation_alias or f"VITAL_{name.upper()}"
        assert variable in listed
        if isinstance(field.default, bool):
            assert listed[variable] == str(field.default).lower()
        elif isinstance(field.default, int | float):
            assert listed[variable] == f"{field.default:.15g}"
        elif field.default and isinstance(field.default, str):
            assert listed[variable] == field.default


def test_the_picture_shows_edges_that_are_there():
    by_slot = {node.slot: node for node in BaseWorkflow.plan.nodes}
    edges = {
        (by_slot[slot].name, node.name)
        for node in BaseWorkflow.plan.nodes
        for slot in node.slots
        if slot in by_slot
    }
    (picture,) = blocks("mermaid")
    pairs = set(re.findall(r"(\w+) (?:-->|-\.->) (\w+)", picture))
    assert len(pairs) >= 14
    assert pairs <= edges


@pytest.mark.parametrize("code", [*blocks("python"), (ROOT / "examples/custom_workflow.py").read_text()])
def test_the_python_examples_run(code, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"VITAL_DATA_DIR": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_commands_are_targets_of_the_makefile():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {command.split()[1] for command in re.findall(r"^make \w+", README, flags=re.MULTILINE)} <= targets


def test_the_table_of_the_evaluation_holds_the_figures_of_its_kept_results():
    table = README[README.index("| `make eval`") :].split("\n\n")[0].splitlines()
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    reports = {}
    for path in (ROOT / "bench" / "results").glob("*.json"):
        report = json.loads(path.read_text(encoding="utf-8"))
        reports[report["model"]] = report["figures"]
    models = [name.strip("`") for name in header[1:]]
    assert set(models) == set(reports)
    for index, figure in enumerate(reports[models[0]]):
        if "ms" not in figure.split():  # how long it takes is another matter on each machine
            assert rows[index][1:] == [reports[model][figure] for model in models], figure


def test_the_first_screen_says_what_it_is_for_and_for_whom_and_shows_a_picture():
    first, _, _ = README.partition("## In Python")
    assert "docs/why.md" in first
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", first)
    assert (ROOT / picture).is_file()


@pytest.fixture
def served(models_dir, tmp_path):  # noqa: F811 - the fixture
    """What `make run` and `vital quickstart` leave: the sample knowledge, served."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(models_dir)
    command = [sys.executable, "-m", "vital_cli", "quickstart", "--port", "0"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VITAL_")}
    environment = {**inherited, "VITAL_DATA_DIR": str(data)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as engine:
        try:
            yield json.loads(read_until(engine.stderr, "listening"))["url"], environment
        finally:
            engine.kill()


@pytest.mark.timeout(240)
def test_the_commands_of_the_first_screen_run_as_printed_and_the_second_answer_is_from_the_cache(served):
    url, environment = served
    (text,) = [block for block in blocks("sh") if "vital ask" in block]
    port = url.rpartition(":")[2]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = text.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace(".venv/bin/vital", "vital")
    environment |= {"PATH": path}
    said = [
        subprocess.run(
            ["bash", "-euc", script], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert "90" in said[0], "of `vital ask`"
    ends = [re.search(r'"cache_status":"(\w+)"', each) for each in said]
    assert [end and end[1] for end in ends] == ["miss", "hit"]
