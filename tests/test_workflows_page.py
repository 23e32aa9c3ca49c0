"""The page on workflows of one's own says what holds: its code runs, its examples run, its figures are right."""

import ast
import importlib.util
import io
import re
import subprocess
import sys
import tokenize
from datetime import date
from pathlib import Path

import pytest

from vital_shared.testing import workflow_services

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8")
PEERS = ROOT / "bench" / "peers" / "workflows"
EXPECTED = {
    "report": "# Findings\n\nAll is well. Nothing is missing.",
    "extraction": "Acme and Globex, 2026-05-01: $10,500",
    "approval": "Sent: Dear customer, your order is on its way.",
    "without_retrieval": "It takes ninety days. (4 words)",
}
EXAMPLES = tuple(EXPECTED)
GIVEN = {"mode": "2", "tenant_id": "acme", "user_id": "ann"}


@pytest.fixture(scope="module")
def page():
    """The names that the page's blocks define, one after another."""
    names: dict = {"__name__": __name__}
    for code in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(code, names)
    return names


async def test_the_first_workflow_shouts(page, tmp_path):
    async with workflow_services(tmp_path) as services:
        asked = page["WorkflowInput"](query="hello there", **GIVEN)
        output = await page["Shout"](services).execute_typed(asked)
    assert (output.response, output.values) == ("HELLO THERE", {"words": ["hello", "there"]})


async def test_the_extraction_has_a_typed_result(page, tmp_path):
    async with workflow_services(tmp_path) as services:
        asked = page["ContractInput"](text="Acme and Globex", signed=date(2026, 5, 1), **GIVEN)
        output = await page["Extract"](services).execute_typed(asked)
    assert output.result == page["Contract"](parties=("Acme", "Globex"), signed=date(2026, 5, 1))


@pytest.mark.parametrize(
    ("query", "answer"), [("my invoice", "Billing: my invoice"), ("my password", "Support: my password")]
)
async def test_the_route_goes_one_way(page, tmp_path, query, answer):
    async with workflow_services(tmp_path) as services:
        output = await page["Route"](services).execute_typed(page["WorkflowInput"](query=query, **GIVEN))
    assert output.response == answer


async def test_the_summary_repeats_and_counts(page, tmp_path):
    async with workflow_services(tmp_path) as services:
        output = await page["Summary"](services).execute_typed(page["ContractInput"](text="x" * 40, **GIVEN))
    assert output.response == f"{'x' * 10} (10 characters)"
    lines = [line.node for line in output.timings.nodes]
    assert lines == ["short", "short.1.answer", "short.2.answer", "count.answer", "answer"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_runs_without_a_key(name, tmp_path, monkeypatch):
    monkeypatch.setenv("VITAL_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("VITAL_MODEL", raising=False)
    written = written_by(ROOT / "examples" / f"{name}.py", tmp_path)
    assert EXPECTED[name] in written
    assert name != "without_retrieval" or "\n  short: " in written


@pytest.mark.thorough
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_in_pydantic_ai_writes_the_same(name, tmp_path):
    assert EXPECTED[name] in written_by(PEERS / f"{name}_pydantic_ai.py", tmp_path)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_in_langgraph_writes_the_same_where_that_is_installed(name, tmp_path):
    """`make bench` installs LangGraph; without it, the program is only compiled."""
    path = PEERS / f"{name}_langgraph.py"
    if importlib.util.find_spec("langgraph") is not None:
        assert EXPECTED[name] in written_by(path, tmp_path)
    code = compile(path.read_text(encoding="utf-8"), path, "exec", flags=ast.PyCF_ONLY_AST)
    imported = [node.module for node in ast.walk(code) if isinstance(node, ast.ImportFrom)]
    assert [module for module in imported if module and module.startswith("canned")] == ["canned_chat"]
    assert (PEERS / "canned_chat.py").exists()


def written_by(path: Path, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, check=False, timeout=60, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_lines_of_code_are_counted_right(name):
    files = (
        ROOT / "examples" / f"{name}.py",
        PEERS / f"{name}_langgraph.py",
        PEERS / f"{name}_pydantic_ai.py",
    )
    (row,) = (
        line for line in PAGE.splitlines() if f"(../examples/{name}.py)" in line and line.startswith("|")
    )
    assert [int(cell) for cell in row.split("|")[2:5]] == [lines_of_code(file) for file in files]


def lines_of_code(path: Path) -> int:
    """Count lines that hold code, without docstrings, canned models and the `main` that runs them."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    left_out = [node for node in tree.body if isinstance(node, ast.If) or is_beside(node)]
    left_out += [node.body[0] for node in ast.walk(tree) if has_docstring(node)]
    skipped = {number for node in left_out for number in range(node.lineno, (node.end_lineno or 0) + 1)}
    return len(code_lines(text) - skipped)


def is_beside(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in ("main", "canned")


def has_docstring(node: ast.AST) -> bool:
    holders = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, holders) and ast.get_docstring(node) is not None


def code_lines(text: str) -> set[int]:
    layout = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        number
        for token in tokens
        if token.type not in layout
        for number in range(token.start[0], token.end[0] + 1)
    }
