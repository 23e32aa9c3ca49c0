"""The package needs no more than it says: everybody's imports are in `dependencies`, the rest in extras."""

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from tests.variants import sampled
from tests.vital_cli.test_process import PATIENCE, read_until

NAME = "vital-engine"
ROOT = Path(__file__).parents[1]

HIDE_OTHERS = """
import sys

class Without:
    def __init__(self, finder):
        self._finder = finder

    def __getattr__(self, name):
        return getattr(self._finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name in OTHERS else self._finder.find_spec(name, path, target)

sys.meta_path[:] = map(Without, sys.meta_path)
"""


def installed_with(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """Return the names of a distribution and of all that pip installs with it."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, extras)]
    while waiting:
        each = waiting.pop()
        if each in found:
            continue
        found.add(each)
        try:
            requirements = distribution(each[0]).requires or []
        except PackageNotFoundError:  # of another system
            continue
        for requirement in map(Requirement, requirements):
            environments = [{"extra": extra} for extra in (*each[1], "")]
            if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
                waiting.append((requirement.name, frozenset(requirement.extras)))
    return {canonical(each) for each, _ in found}


def canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def command_without_others(code: str) -> list[str]:
    """Return a command that runs code with the dependencies alone, as after `pip install vital-engine`."""
    brought = installed_with(NAME)
    others = {
        module
        for module, distributions in packages_distributions().items()
        if not brought & set(map(canonical, distributions))
    }
    assert {"httpx", "asyncpg", "pytest"} <= others
    assert not {"aiohttp", "vital_shared", "numpy"} & others
    return [sys.executable, "-c", f"OTHERS = {others!r}\n{HIDE_OTHERS}\n{code}"]


def test_pinned_versions_take_the_oldest_python():
    """A pin that does not would keep everybody with that Python from installing anything."""
    oldest = distribution(NAME).metadata["Requires-Python"].removeprefix(">=") + ".0"
    pins = [Requirement(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()]
    unfit = [str(pin) for pin in pins if oldest not in SpecifierSet(python_of(pin.name))]
    assert len(pins) > 100
    assert not unfit


def python_of(name: str) -> str:
    """Return the versions of Python that an installed distribution takes; empty: any."""
    try:
        return distribution(name).metadata["Requires-Python"] or ""
    except PackageNotFoundError:  # of an older Python
        return ""


COMMANDS = """
import importlib, pkgutil
import vital_cli.commands as commands
for each in pkgutil.iter_modules(commands.__path__):
    importlib.import_module(f"vital_cli.commands.{each.name}")
"""


@pytest.mark.parametrize(
    "code",
    sampled(
        [
            COMMANDS,
            "import vital_shared",
            "import vital_shared.testing",
            "import ai_engine.server, ai_engine.app, ai_engine.api.administration.app",
            "import vital_cli.worker, vital_cli.served_monitor, vital_cli.served_report, vital_cli.new_project",
            "import vital_ops.report.report, vital_ops.served.alert_definitions, vital_cli.stack_run",
        ],
        5,
    ),
)
def test_the_engine_is_imported_with_its_dependencies_alone(code):
    done = subprocess.run(command_without_others(code), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


QUESTION = {"query": "What is 6 * 7?", "mode": "2", "tenant_id": "acme", "user_id": "ann"}
CALL = {"messages": [{"role": "user", "content": "What is 6 * 7?"}]}
PAGES = (
    "/",
    "/docs",
    "/openapi.json",
    "/metrics",
    "/v1/dashboards",
    "/v1/alerts/rules",
    "/v1/report",
    "/v1/costs",
)


def test_the_engine_serves_with_its_dependencies_alone(tmp_path):
    command = command_without_others("from vital_cli.main import main\nmain()")
    variables = {"VITAL_DATA_DIR": str(tmp_path), "VITAL_DATABASE_URL": ""}
    with subprocess.Popen(
        [*command, "serve", "--port", "0"], env=os.environ | variables, stderr=subprocess.PIPE, text=True
    ) as engine:
        try:
            url = json.loads(read_until(engine.stderr, "listening"))["url"]
            with httpx.Client(base_url=url, timeout=PATIENCE) as client:
                answer = client.post("/v1/runs", json=QUESTION).json()
                assert answer["tool_results"][0]["content"] == "6 * 7 = 42"
                model = client.get("/v1/models").json()["data"][0]["id"]
                assert client.post("/v1/chat/completions", json=CALL | {"model": model}).json()["choices"]
                assert {page: client.get(page).status_code for page in PAGES} == dict.fromkeys(PAGES, 200)
        finally:
            engine.kill()
