"""Documented patterns pass the strictest type checks, as users run them: mypy --strict and pyright's strict mode.

basedpyright is pyright's own checker, packaged with its interpreter; "strict" turns its additions off.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import ai_engine
import vital_shared
from vital_cli.new_project import write_project

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PATTERNS = [Path(__file__).with_name("patterns.py"), *sorted((ROOT / "examples").glob("*.py"))]
WRONG = """
from vital_shared import Workflow, WorkflowInput, node


class Count(Workflow[WorkflowInput, int]):
    @node
    async def result(self, query: str) -> int:
        return len(query)


async def count(asked: WorkflowInput) -> None:
    (await Count().execute_typed(asked)).result.shouted


request = WorkflowInput(query="a", mode="2", tenant_id="acme", user_id=7)
request.mode.is_manuel
"""


def mypy(folder: Path, *files: Path) -> list[str]:
    cache = ROOT / ".mypy_cache" / "patterns"
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}"]
    return lines_of([*command, *files], folder)


def pyright(folder: Path, *files: Path) -> list[str]:
    config = {"include": [str(file) for file in files], "typeCheckingMode": "strict"}
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    checker = str(Path(sys.executable).with_name("basedpyright"))
    return lines_of([checker, "--project", folder, "--pythonpath", sys.executable], folder)


def lines_of(command: Sequence[str | Path], folder: Path) -> list[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if " error:" in line or " error " in line]


def project(folder: Path) -> list[Path]:
    """Write the project that the tutorial begins, with the files that it adds."""
    write_project(folder)
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    for name, source in re.findall(r"```python\n# (\S+)\n(.*?)```", tutorial, flags=re.DOTALL):
        (folder / name).write_text(source)
    return sorted(folder.glob("*.py"))


@pytest.mark.timeout(300)  # the first check of all sources, on a busy machine
@pytest.mark.parametrize("check", [pytest.param(mypy, marks=pytest.mark.thorough), pyright])
def test_documented_patterns_pass_strict_checks_and_what_is_wrong_is_still_seen(check, tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG)
    found = check(tmp_path, *PATTERNS, *project(tmp_path / "desk"), wrong)
    assert [line for line in found if "wrong.py" not in line] == []
    assert any("user_id" in line for line in found)
    assert any("is_manuel" in line for line in found)
    assert any("shouted" in line and "int" in line for line in found)


@pytest.mark.parametrize("package", [vital_shared, ai_engine])
def test_a_package_says_that_it_is_typed(package):
    assert Path(package.__file__).with_name("py.typed").exists()


def test_what_a_workflow_needs_is_exported():
    wanted = (
        "Answer BaseWorkflow Citation Done Graph ModelError Observer Outcome Passage Pause Retry Skip Workflow "
        "node repeat subworkflow"
    )
    assert set(wanted.split()) | set(vital_shared.errors.__all__) <= set(vital_shared.__all__)
