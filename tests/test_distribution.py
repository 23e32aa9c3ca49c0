"""The distribution is vital-engine: the name vital on PyPI is a stranger's."""

import re
import subprocess
import tomllib
from pathlib import Path

import vital_shared
from vital_shared import version
from vital_shared.monitoring import metrics

ROOT = Path(__file__).parents[1]


def project_texts():
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml", "*.txt", "*.yml", "Makefile", "*Dockerfile", "*.sh"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return [ROOT / name for name in listed if ROOT / name != Path(__file__)]


def test_no_text_asks_to_install_the_strangers_package():
    stranger = re.compile(
        r"""(?<![\w./-])vital\\?\[[a-z]|(pip|uv|pipx)( tool)? (install|add) ['"]?vital(?!-engine)\b"""
    )
    found = {
        str(path.relative_to(ROOT)): match[0]
        for path in project_texts()
        if path.exists() and (match := stranger.search(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_every_extra_that_a_message_or_page_names_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {
        extra
        for path in project_texts()
        if path.exists()
        for extra in re.findall(r"vital-engine\\?\[([a-z,-]+?)\\?\]", path.read_text(encoding="utf-8"))
    }
    assert {each for extra in named for each in extra.split(",")} <= set(extras)
    assert "ops" in named


def test_the_distribution_is_vital_engine_and_its_version_is_stated_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["name"] == "vital-engine"
    assert ROOT / project["tool"]["hatch"]["version"]["path"] == Path(version.__file__)
    assert metrics.BUILD_INFO.facts["version"] == vital_shared.__version__
