"""The wheel holds all that a machine without a checkout needs."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.vital_cli.conftest import models_dir  # noqa: F401 - a fixture
from tests.vital_cli.test_process import PATIENCE, read_until

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """The wheel as it is installed, in a folder that comes before the checkout on Python's path."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(ROOT)],
        env=os.environ | {"VITAL_SKIP_CONSOLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


@pytest.fixture
def environment(unpacked, tmp_path, monkeypatch) -> dict[str, str]:
    named = {"PYTHONPATH": str(unpacked), "VITAL_DATA_DIR": str(tmp_path / "data"), "VITAL_DATABASE_URL": ""}
    return os.environ | named


def test_a_user_of_the_wheel_is_served_the_sample_documents_by_one_command(
    unpacked,
    environment,
    tmp_path,
    models_dir,  # noqa: F811 - the fixture
):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/models").symlink_to(models_dir)
    command = [sys.executable, "-m", "vital_cli"]
    with subprocess.Popen(
        [*command, "quickstart", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert str(tmp_path / "data") in read_until(server.stderr, "The database")
            assert json.loads(read_until(server.stderr, "listening"))["url"]
        finally:
            server.kill()
    asked = subprocess.run(
        [*command, "ask", "How long does FDA have to review a 510(k)?"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert "90" in asked.stdout, asked.stderr


@pytest.mark.parametrize(
    "code",
    [
        "from vital_cli.new_project import write_project; from pathlib import Path; write_project(Path('my-app'))",
        "from vital_ops import config, runbooks; runbooks.runbook_files(config.DEFAULT_CONFIG)['EngineDown.md']",
        "from vital_ops.stack import programs; assert programs.FETCH_SCRIPT.is_file()",
    ],
)
def test_what_commands_read_is_in_the_wheel(unpacked, environment, tmp_path, code):
    checked = f"import vital_cli; assert vital_cli.__file__.startswith({str(unpacked)!r})\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", checked], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_metadata_has_the_licence_and_the_python_that_tests_run_on(unpacked):
    (path,) = unpacked.glob("*.dist-info/METADATA")
    text = path.read_text(encoding="utf-8")
    assert "License-Expression: Apache-2.0" in text
    assert "License-File: LICENSE" in text
    versions = [line for line in text.splitlines() if "Programming Language :: Python :: 3." in line]
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert versions == [f"Classifier: Programming Language :: Python :: {running}"]
