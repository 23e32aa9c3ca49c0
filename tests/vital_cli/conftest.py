"""The `vital` command: in this process, where it is fast, and as a process of its own, where that matters."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.store_database import copy_store, store_variables, stored
from tests.vital_cli.extra_models import more_models
from typer.testing import CliRunner

from vital_cli.main import app
from vital_shared.retrieval.weights import install
from vital_shared.settings import Settings

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("vital")
SAMPLES = HERE.parents[1] / "examples" / "knowledge"


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The embedded models of this machine, downloaded where they are missing."""
    models = Settings().models_path
    install(models)
    return models


@pytest.fixture(scope="session")
def stocked(models_dir, tmp_path_factory) -> Path:
    """A data directory with three documents, to be copied."""
    folder = tmp_path_factory.mktemp("stocked")
    (folder / "models").symlink_to(models_dir)
    names = ("510k-premarket-notification.md", "de-novo-classification.md", "orphan-drugs.md")
    run_command(
        "ingest", *(str(SAMPLES / name) for name in names), env=store_variables(folder)
    ).check_returncode()
    return folder


@pytest.fixture
def data_dir(stocked, tmp_path, monkeypatch) -> Path:
    """A data directory of the test's own, which commands of this process use too."""
    folder = tmp_path / "data"
    shutil.copytree(stocked, folder, symlinks=True)
    copy_store(stocked, folder)
    set_variables(monkeypatch, folder)
    return folder


@pytest.fixture
def empty_dir(tmp_path, monkeypatch) -> Path:
    """A data directory in which there is nothing, not even itself."""
    folder = tmp_path / "empty"
    set_variables(monkeypatch, folder)
    return folder


@pytest.fixture
def vital(monkeypatch):
    """Run a command in this process, with the models of `extra_models`."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str, stdin: str | None = None):
        with more_models():
            return CliRunner().invoke(app, arguments, input=stdin)

    return call


def set_variables(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    """Let commands of this process, and of others that it starts, use a data directory and its store."""
    for name, value in store_variables(data_dir).items():
        monkeypatch.setenv(name, value)


def run_command(*arguments: str, env=None, script: Path | None = None, **options):
    """Run the installed command, or a script in its place, to its end."""
    return subprocess.run(
        command_line(*arguments, script=script),
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )


def command_line(*arguments: str, script: Path | None = None) -> list[str]:
    return [str(COMMAND), *arguments] if script is None else [sys.executable, str(script), *arguments]


def statuses(data_dir: Path) -> list[str]:
    """How the stored runs have ended, in the order in which they began."""
    return [status for (status,) in stored(data_dir, "SELECT status FROM runs ORDER BY created_at")]
