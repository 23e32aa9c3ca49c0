"""`vital new`: a project that passes its own tests, and is served."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.vital_cli.test_process import read_until, started

from vital_cli.new_project import write_project
from vital_shared.errors import InvalidRequest

BIN = Path(sys.executable).parent


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "my-app"
    write_project(folder)
    return folder


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_the_project_passes_its_own_tests(project):
    done = run(project, sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_project_is_linted_and_formatted(project):
    for command in (("check", "--isolated", "--select=E,F,I,B,UP"), ("format", "--isolated", "--check")):
        done = run(project, str(BIN / "ruff"), *command, ".")
        assert done.returncode == 0, done.stdout


def test_the_project_is_served_with_its_documents_tool_and_value(project, models_dir):
    data = project / "data"
    data.mkdir()
    (data / "models").symlink_to(models_dir)
    env = {"VITAL_CONFIG": "vital.toml", "VITAL_DATA_DIR": "data", "VITAL_DATABASE_URL": ""}
    assert run(project, str(BIN / "vital"), "ingest", "knowledge", **env).returncode == 0
    with started("serve", "--port", "0", cwd=project, env=os.environ | env) as server:
        url = json.loads(read_until(server.stderr, "listening"))["url"]
        asked = {"mode": "2", "tenant_id": "acme", "user_id": "ann"}
        with httpx.Client(base_url=url, timeout=60) as client:
            answer = client.post("/v1/runs", json={"query": "When does the office open?", **asked}).json()
            counted = client.post("/v1/runs", json={"query": "How many working days are 3 weeks?", **asked})
            served = client.get("/v1/workflows").json()
    assert "nine in the morning" in answer["response"]
    assert answer["values"]["reading_seconds"] > 0
    assert "15 working days" in counted.json()["response"]
    assert "my-app" in str(served)


def test_the_readme_of_the_project_names_its_files(project):
    text = (project / "README.md").read_text(encoding="utf-8")
    for name in ("workflow.py", "test_workflow.py", "vital.toml", "Dockerfile", "requirements-dev.txt"):
        assert name in text
        assert (project / name).is_file()


@pytest.mark.parametrize("name", ["My-App", "2nd", "a_b", "a--b", "x" * 41, "-a"])
def test_a_name_that_cannot_be_a_workflows_is_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(InvalidRequest, match="cannot name a project"):
        write_project(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_no_name_at_all_is_refused_and_nothing_is_written(vital, tmp_path, monkeypatch):
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    result = vital("new", "")
    assert (result.exit_code, list(Path().iterdir())) == (2, [])
    assert "Name the folder" in result.stderr


def test_a_folder_with_something_in_it_is_left_alone(project):
    (project / "workflow.py").write_text("mine")
    with pytest.raises(InvalidRequest, match="not empty"):
        write_project(project)
    assert (project / "workflow.py").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "report").mkdir()
    write_project(tmp_path / "report")
    assert "class ReportWorkflow(" in (tmp_path / "report/workflow.py").read_text()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidRequest, match=r"file/report cannot be written: "):
        write_project(tmp_path / "file" / "report")
