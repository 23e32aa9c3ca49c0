"""The page about moving from LiteLLM: its example is executed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vital_cli.main import app

PAGE = (Path(__file__).parents[1] / "docs" / "litellm.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_example_gives_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(block("yaml"), encoding="utf-8")
    command, _, shown = block("console").partition("\n")
    done = CliRunner().invoke(app, command.removeprefix("$ vital ").split())
    assert done.exit_code == 0
    assert done.stderr.split() == shown.split()
    assert tomllib.loads(Path("vital.toml").read_text(encoding="utf-8")) == tomllib.loads(block("toml"))
