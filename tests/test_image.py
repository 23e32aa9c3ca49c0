"""The image, as far as it can be known without building it: its file, and the packages that it installs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILES = (ROOT / "services/ai-engine/Dockerfile", ROOT / "src/vital_cli/new_project/Dockerfile.template")
TEXT = DOCKERFILES[0].read_text(encoding="utf-8")
LOCK = (ROOT / "services/ai-engine/requirements.txt").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([\w.-]+)==([^ \n;]+)", LOCK, flags=re.MULTILINE))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    return {canonical(name): version for name, _, version in (line.partition("==") for line in lines)}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_finds_nothing_to_complain_about(path):
    linter = Path(sys.executable).with_name("hadolint")
    command = [linter, "--failure-threshold", "warning", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_an_image_runs_as_a_user_of_its_own_is_checked_and_has_the_models_outside_of_volumes(path):
    text = path.read_text(encoding="utf-8").replace("$$", "$")
    (_, last) = text.split("\nFROM ")[-2:]
    assert "USER 10001" in last
    assert "HEALTHCHECK" in last
    assert "/readyz" in last
    (models,) = re.findall(r"VITAL_MODELS_DIR=(\S+) \\\n", last)
    (volume,) = re.findall(r"^VOLUME (\S+)", last, flags=re.MULTILINE)
    assert not Path(models).is_relative_to(volume)
    assert f"COPY --from=build {models} {models}" in last


def test_every_package_is_pinned_as_elsewhere_and_has_its_hashes():
    known = constraints()
    pinned = {name: known.get(canonical(name), version) for name, version in PINS.items()}
    assert pinned == PINS
    assert len(set(map(canonical, PINS)) - set(known)) <= 1, "async-timeout, for Debian's Python 3.11.2"
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert len(blocks) == len(PINS)


def test_the_lock_has_what_the_package_needs():
    """After a new dependency: `make image-lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    extras = re.search(r"^IMAGE_EXTRAS := (.+)$", makefile, flags=re.MULTILINE)[1].split(",")
    assert {"postgres", "redis", "otel", "background", "documents"} <= set(extras)
    needed = [*project["dependencies"]]
    needed += [each for extra in extras for each in project["optional-dependencies"][extra]]
    names = {canonical(re.match(r"[\w.-]+", each)[0]) for each in needed}
    assert names - {canonical(name) for name in PINS} == set()
